# needs: /usr/bin/python3
/usr/bin/python3 - <<'P'
import json, os, sqlite3, subprocess, threading, queue, hashlib, tempfile, socket, select, time, signal

# threads
q, out = queue.Queue(), []
lock = threading.Lock()
def work():
    while True:
        n = q.get()
        if n is None:
            return
        h = hashlib.sha256(str(n).encode() * 1000).hexdigest()
        with lock:
            out.append((n, h[:8]))
threads = [threading.Thread(target=work) for _ in range(8)]
[t.start() for t in threads]
[q.put(i) for i in range(200)]
[q.put(None) for _ in threads]
[t.join() for t in threads]
print(sorted(out)[:3], len(out))

# subprocesses
procs = [subprocess.Popen(["sh", "-c", f"echo {i}; exit {i}"],
         stdout=subprocess.PIPE) for i in range(20)]
print([(int(p.communicate()[0]), p.returncode) for p in procs])

# sqlite on a file
db = sqlite3.connect("x.db")
db.execute("create table t (a integer primary key, b text)")
with db:
    db.executemany("insert into t (b) values (?)", [(str(i),) for i in range(1000)])
print(db.execute("select count(*), max(b) from t").fetchone())
db.close()

# json, files
with open("f.json", "w") as f:
    json.dump({"a": list(range(5))}, f)
print(json.load(open("f.json")), os.stat("f.json").st_size)

# signals, pipes, select, socketpair
got = []
signal.signal(signal.SIGALRM, lambda *a: got.append(1))
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(0.2)
print("alarm", got)
a, b = socket.socketpair()
a.send(b"hello")
print(select.select([b], [], [], 1)[0] == [b], b.recv(10))
pid = os.fork()
if pid == 0:
    os._exit(42)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
print(os.cpu_count() == len(os.sched_getaffinity(0)))
P
