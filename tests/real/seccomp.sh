# needs: /usr/bin/python3
# A program confines its children: with libseccomp, and with Landlock.
/usr/bin/python3 - <<'P'
import ctypes, errno, os, signal, socket, subprocess, sys

lib = ctypes.CDLL("libseccomp.so.2", use_errno=True)
lib.seccomp_init.restype = ctypes.c_void_p
lib.seccomp_init.argtypes = [ctypes.c_uint32]
lib.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32,
                                       ctypes.c_int, ctypes.c_uint,
                                       ctypes.c_void_p]
lib.seccomp_load.argtypes = [ctypes.c_void_p]
lib.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
ALLOW, KILL, TRAP = 0x7fff0000, 0x80000000, 0x00030000
libc = ctypes.CDLL(None, use_errno=True)

class Arg(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int),
                ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]

def err(e):
    return 0x00050000 | e

def nr(name):
    return lib.seccomp_syscall_resolve_name(name.encode())

def confine(rules, default=ALLOW):
    ctx = lib.seccomp_init(default)
    for action, name, *args in rules:
        arr = (Arg * max(len(args), 1))(*args)
        r = lib.seccomp_rule_add_array(ctx, action, nr(name), len(args), arr)
        assert r == 0, (name, r)
    r = lib.seccomp_load(ctx)
    assert r == 0, r

def child(name, rules, fn, default=ALLOW):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            confine(rules, default)
            print(name, fn())
        except OSError as e:
            print(name, errno.errorcode[e.errno])
        sys.stdout.flush()
        os._exit(0)
    _, st = os.waitpid(pid, 0)
    print(name, "status", hex(st & ~0x80))

child("no sockets", [(err(errno.EACCES), "socket")],
      lambda: socket.socket())
child("no unix sockets", [(err(errno.EAFNOSUPPORT), "socket", Arg(0, 4, 1, 0))],
      lambda: socket.socket(socket.AF_UNIX))
child("argument ranges", [(err(errno.EDOM), "dup2", Arg(1, 5, 100, 0))],
      lambda: (os.dup2(1, 99), os.dup2(1, 101)))
child("killed", [(KILL, "uname")], os.uname)
child("trapped", [(TRAP, "uname")], os.uname)

def program():
    return subprocess.run(["sh", "-c", "uname -r >/dev/null 2>&1; echo $?; "
                           "grep Seccomp: /proc/self/status"],
                          capture_output=True, text=True).stdout
child("program", [(err(errno.EPERM), "uname")], program)

# A list of what is allowed, as a service would have it.
names = """read write close fstat newfstatat lseek mmap mprotect munmap brk
rt_sigaction rt_sigprocmask exit exit_group openat getrandom futex ioctl
sigaltstack rt_sigreturn""".split()
child("allow list", [(ALLOW, n) for n in names],
      lambda: (len(open("/etc/passwd").read()) > 0), err(errno.EPERM))
child("allow list", [(ALLOW, n) for n in names], lambda: os.mkdir("x"),
      err(errno.EPERM))

# --- Landlock
def landlock(fn):
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        print("landlock status", os.waitpid(pid, 0)[1])
        return
    attr = ctypes.c_uint64(0x7fff)
    fd = libc.syscall(444, ctypes.byref(attr), ctypes.c_size_t(8), 0)
    assert fd >= 0
    for path, access in [("/usr", 0x0d), ("/lib", 0x0d), ("/lib64", 0x0d),
                         ("/etc", 0x0c), (".", 0x7fff)]:
        try:
            p = os.open(path, os.O_PATH)
        except FileNotFoundError:
            continue
        rule = ctypes.create_string_buffer(
            access.to_bytes(8, "little") + p.to_bytes(4, "little"), 12)
        assert libc.syscall(445, fd, 1, rule, 0) == 0
        os.close(p)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.syscall(446, fd, 0) == 0
    fn()
    sys.stdout.flush()
    os._exit(0)

def attempt(what, fn):
    try:
        print(what, "ok", fn() is not None)
    except OSError as e:
        print(what, errno.errorcode[e.errno])

def work():
    attempt("read /etc", lambda: open("/etc/passwd").read())
    attempt("write /etc", lambda: open("/etc/passwd", "a"))
    attempt("list /", lambda: os.listdir("/"))
    attempt("write here", lambda: open("f", "w").write("x"))
    attempt("rename here", lambda: os.rename("f", "g"))
    attempt("run", lambda: subprocess.run(["/usr/bin/env", "true"], check=True))
    attempt("proc", lambda: open("/proc/self/status"))
landlock(work)
P
