# needs: /usr/bin/python3 bash vim.tiny less
# An interactive shell on a terminal: Ctrl-C, Ctrl-Z, fg, bg, jobs, hang-up;
# full-screen programs; the window's size.
cat >drive.py <<'P'
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

def until(what, seconds=200):
    """Reads until the pattern @what has come."""
    global seen
    end = time.time() + seconds
    while not re.search(what, seen):
        if time.time() > end or not select.select([fd], [], [], 1)[0] and time.time() > end:
            print("GAVE UP on", repr(what), "in", repr(seen[-500:]))
            sys.exit(1)
        try:
            seen += os.read(fd, 65536).decode(errors="replace")
        except OSError:
            print("EOF waiting for", repr(what), "in", repr(seen[-500:]))
            sys.exit(1)
    m = re.search(what, seen)
    text, seen = seen[:m.end()], seen[m.end():]
    return text

def say(line):
    os.write(fd, line.encode())

def show(text):
    text = re.sub(r"\x1b\[\?2004[hl]\r?", "", text.replace("\r", ""))
    print(re.sub(r"\[(\d)\] \d+", r"[\1] PID", text).rstrip("\n"))

def foreground(name):
    """Waits until the terminal belongs to the program @name."""
    end = time.time() + 200
    while time.time() < end:
        try:
            group = os.tcgetpgrp(fd)
            if open(f"/proc/{group}/comm").read() == name + "\n":
                return
        except (OSError, ProcessLookupError):
            pass
        time.sleep(0.01)
    print("GAVE UP on", name)
    sys.exit(1)

def run(line, what=r"READY "):
    say(line + "\n")
    show(until(what))

seen = ""
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1="READY ", TERM="vt100", HISTFILE="")
    os.execvp("bash", ["bash", "--norc", "--noediting", "-i"])
until("READY ")
run("echo $((6*7)); tty | sed s/[0-9]*$//; ps -o stat= $$ | cut -c1,2")
run("stty size; stty -a | grep -o 'isig icanon'")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
run("trap 'echo winch' WINCH; stty size")
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 34, 102, 0, 0))
# The trap may come before the next command or behind it.
say("stty size\n"); until("READY ")
say("stty size\n"); show(until("READY ").replace("winch\r\n", ""))
run("trap - WINCH")
say("cat\n"); until("cat\r\n"); say("line\n"); show(until("line\r\nline\r\n"))
say("\x04"); show(until("READY "))
say("sleep 100\n"); foreground("sleep"); say("\x03"); show(until("READY "))
run("echo status $?")
say("sleep 100\n"); foreground("sleep"); say("\x1a"); show(until("READY "))
run("jobs")
run("bg; jobs -r | wc -l")
run("kill %1; wait %1; echo status $?")
say("sh -c 'trap \"\" INT; echo ready; read x; echo survived'\n"); until("ready\r\n"); say("\x03"); until("C"); say("\n"); show(until(r"survived\r\n(?s:.*)READY "))
say("cat | sed s/a/b/\n"); say("aaa\n"); until("baa"); say("\x1a"); until("READY ")
say("fg\n"); until("sed s/a/b/\r\n"); say("ca\n"); show(until("cb")); say("\x04"); until("READY ")
# stopped: until the last job in the background has been.
say("stopped() { until [ $(ps -o stat= $! | cut -c1) = T ]; do sleep 0.05; done; }\n"); until("READY ")
run("cat & stopped; jobs | tr -s ' '; kill -9 %cat; while kill -0 $! 2>/dev/null; do sleep 0.05; done")
run("")
run("(sleep 0.1; echo background >/dev/tty) & wait")
run("stty tostop; (echo out) & stopped; jobs | tr -s ' '; stty -tostop; fg", "out(?s:.*)READY ")
run("read -t 0.2 x; echo timeout $?")
say("printf 'l%s\\n' $(seq 1 200) >long; less long\n"); until("l33"); say("G"); until("l200"); say("q"); until("READY ")
say("vim.tiny -u NONE -n new\n"); until(r"new"); say("ihello\x1b:wq\n"); until("READY ")
run("cat new")
run("set -m; setsid -w sh -c 'echo $$; : </dev/tty' 2>&1 | grep -c 'No such device'")
run("nohup sleep 0.1 >/dev/null 2>&1 & disown; echo gone")
say("sh -c 'trap \"echo hup >hup; exit\" HUP; echo up; while :; do sleep 0.05; done'\n"); until("up\r\n")
os.close(fd)
for i in range(2000):
    if os.path.exists("hup") and open("hup").read():
        break
    time.sleep(0.05)
print("hang-up", open("hup").read().strip())
print("shell", os.WIFSIGNALED(os.waitpid(pid, 0)[1]))
P
/usr/bin/python3 drive.py
