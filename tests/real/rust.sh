# needs: rustc
cat >t.rs <<'R'
use std::collections::HashMap;
use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{mpsc, Arc, Condvar, Mutex, RwLock};
use std::thread;

fn main() {
    let map = Arc::new(RwLock::new(HashMap::new()));
    let hs: Vec<_> = (0..8).map(|i| {
        let map = map.clone();
        thread::spawn(move || for k in 0..500 { map.write().unwrap().insert(k * 8 + i, k); })
    }).collect();
    for h in hs { h.join().unwrap(); }
    println!("map {}", map.read().unwrap().len());
    let (tx, rx) = mpsc::channel();
    for i in 0..4u64 {
        let tx = tx.clone();
        thread::spawn(move || for k in 0..1000 { tx.send(i * k).unwrap(); });
    }
    drop(tx);
    println!("sum {}", rx.iter().sum::<u64>());
    let pair = Arc::new((Mutex::new(false), Condvar::new()));
    let p2 = pair.clone();
    thread::spawn(move || { *p2.0.lock().unwrap() = true; p2.1.notify_one(); });
    let mut ready = pair.0.lock().unwrap();
    while !*ready { ready = pair.1.wait(ready).unwrap(); }
    println!("condvar");
    let mut kid = Command::new("tr").args(["a-z", "A-Z"]).stdin(Stdio::piped())
        .stdout(Stdio::piped()).spawn().unwrap();
    kid.stdin.take().unwrap().write_all(b"shout").unwrap();
    let mut s = String::new();
    kid.stdout.take().unwrap().read_to_string(&mut s).unwrap();
    println!("{} {}", s, kid.wait().unwrap());
    println!("{:?}", thread::spawn(|| panic!("on purpose")).join().is_err());
    println!("{}", Command::new("/nonexistent").spawn().unwrap_err());
}
R
rustc -O -o t t.rs 2>&1 | grep -v warning | head -5
./t 2>/dev/null
echo "status $?"
