#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of one build tree and prints what failed and a last line
"N passed, N failed, N skipped".

  unit         build/MODE/tests/unit/*: cmocka programs
  conformance  guest programs: natively first, then on each platform; the
               lines must be equal ("ok" both times)
  real         tests/real/*.sh: the same script natively and inside; output
               and exit status must be equal
  host         tests/{hostile,gofer,suites}/*.sh: scripts that drive the
               moat command from outside; exit 77 skips with the reason on the
               last line

Known failures stand in tests/conformance/known.csv (test,platform,reason,issue);
one that passes is a failure too.

The tests see the same few environment variables everywhere, and directories of
their own; that something is left behind when one ends (a process, a name in
/tmp or /dev/shm) is a failure.
"""
import argparse
import contextlib
import csv
import ctypes
import os
import pathlib
import pwd
import re
import signal
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PLATFORMS = ["ptrace", "trap", "kvm"]
PR_SET_CHILD_SUBREAPER = 36
TIME_LIMIT = 1200  # of one program; a test has limits of its own
# What of our environment the tests may know.
PASSED_ON = re.compile(r"(ASAN|LSAN|UBSAN|TSAN|GOFER|FSX|MOAT)_|LD_LIBRARY_PATH$")
# Directories of a conformance test have this in their names.
TAG = f"{os.getpid()}-{time.time_ns():x}-"


class Tally:
    def __init__(self, verbose):
        self.passed = self.failed = self.skipped = 0
        self.verbose = verbose

    def ok(self, name):
        self.passed += 1
        if self.verbose:
            print(f"ok   {name}", flush=True)

    def fail(self, name, why):
        self.failed += 1
        print(f"FAIL {name}: {why}", flush=True)

    def skip(self, name, why):
        self.skipped += 1
        print(f"SKIP {name}: {why}", flush=True)


def environment(**more):
    env = {k: v for k, v in os.environ.items() if PASSED_ON.match(k)}
    return dict(env, PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
                "/sbin:/bin", LC_ALL="C", TMPDIR=tempfile.tempdir or "/tmp",
                GUEST_TEST_TAG=TAG, **more)


@contextlib.contextmanager
def directory():
    """An empty directory that anybody may use and that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="t-") as tmp:
        os.chmod(tmp, 0o777)
        yield tmp


def children():
    found = []
    for task in pathlib.Path("/proc/self/task").iterdir():
        found += (task / "children").read_text().split()
    return [int(pid) for pid in found]


def orphans(seconds):
    """Command lines of processes that still live after @seconds; kills them.
    Those of a test that lose their parents become our children."""
    end = time.monotonic() + seconds
    while True:
        alive = []
        for pid in children():
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                alive.append(pid)
        if not alive or time.monotonic() > end:
            break
        time.sleep(0.01)
    said = []
    for pid in alive:
        cmdline = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        said.append(cmdline.replace(b"\0", b" ").decode(errors="replace"))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return said


def run(argv, timeout=TIME_LIMIT, env=None, **kw):
    """Returns (exit status, output); a time-out is status 'timeout', and
    'left' that processes were left behind."""
    proc = subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            start_new_session=True, env=env or environment(),
                            **kw)
    try:
        out, _ = proc.communicate(timeout=timeout)
        status = proc.returncode
    except subprocess.TimeoutExpired:
        os.killpg(proc.pid, signal.SIGKILL)
        out, _ = proc.communicate()
        status = "timeout"
    except BaseException:  # we are to end: so is what was started
        os.killpg(proc.pid, signal.SIGKILL)
        proc.wait()
        orphans(0)
        raise
    left = orphans(10)
    out = out.decode(errors="replace")
    if left:
        return "left", f"{out}\nprocesses left behind: {left}"
    return status, out


def tidy():
    """Names that conformance tests left; removes them."""
    left = []
    for parent in ("/tmp", "/var/tmp", "/dev/shm"):
        left += pathlib.Path(parent).glob(f"guest.{TAG}*")
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return left


def run_unit(build, tally, only):
    for prog in sorted((build / "tests/unit").glob("test_*")):
        if prog.suffix or (only and not re.search(only, prog.name)):
            continue
        status, out = run([str(prog)],
                          env=environment(CMOCKA_MESSAGE_OUTPUT="TAP"))
        seen = 0
        for m in re.finditer(r"^(not ok|ok) \d+ - (.*?)( # SKIP.*)?$", out,
                             re.M):
            seen += 1
            name = f"unit {prog.name}: {m[2]}"
            if m[1] == "not ok":
                tally.fail(name, "see below")
            elif m[3]:
                tally.skip(name, "needs what this machine lacks")
            else:
                tally.ok(name)
        if status != 0 or not seen:
            print(out[-4000:])
            if not re.search(r"^not ok", out, re.M):
                tally.fail(f"unit {prog.name}", f"status {status}")


def parse_guest(out):
    """{test: (verdict, why)} from the lines of a conformance program."""
    result = {}
    for line in out.splitlines():
        m = re.match(r"(ok|not ok|skip) (\S+?)(?:: (.*))?$", line)
        if m:
            result[m[2]] = (m[1], m[3] or "")
    return result


def load_known():
    known = {}
    path = ROOT / "tests/conformance/known.csv"
    if path.exists():
        for row in csv.reader(path.read_text().splitlines()):
            if row and not row[0].startswith("#"):
                known[(row[0], row[1])] = row[2]
    return known


def compare_guest(native, inside, status, platform, known, tally):
    for test, (verdict, why) in native.items():
        name = f"{platform} {test}"
        got = inside.get(test, ("missing", f"no line, status {status}"))
        expected = known.get((test, platform))
        if verdict == "skip":
            tally.skip(name, why)
        elif verdict != "ok":
            tally.fail(f"native {test}", why)
        elif got[0] == "ok" and expected:
            tally.fail(name, "passes, but known.csv lists it")
        elif got[0] == "ok":
            tally.ok(name)
        elif expected:
            tally.skip(name, f"known: {expected}")
        else:
            tally.fail(name, got[1] or got[0])


def run_conformance(build, moat, tally, only, platforms, as_user):
    known = load_known()
    for prog in sorted((build / "tests/conformance").glob("*")):
        if prog.suffix or not os.access(prog, os.X_OK):
            continue
        if only and not re.search(only, prog.name):
            continue
        with directory() as tmp:
            status, out = run(as_user([str(prog)]), cwd=tmp)
            native = parse_guest(out)
            left = [str(p) for p in tidy()] + os.listdir(tmp)
        if status != 0 or not native:
            tally.fail(f"native {prog.name}", f"{status}: {out[-300:]}")
        if left:
            tally.fail(f"native {prog.name}", f"left behind: {left}")
        for platform in platforms:
            with directory() as tmp:
                argv = [moat, "run", f"--platform={platform}", "--",
                        str(prog)]
                status, out = run(as_user(argv), cwd=tmp)
            inside = parse_guest(out)
            compare_guest(native, inside, status, platform, known, tally)
            if status != 0:
                tally.fail(f"{platform} {prog.name}",
                           f"status {status}: {out[-300:]}")


def working(moat, platforms, tally, as_user):
    """Those that this host, and this user, can run; the others are told."""
    found = []
    for platform in platforms:
        status, out = run(as_user([moat, "run", f"--platform={platform}",
                                   "--", "true"]))
        if "does not work here" in out and platform == "kvm":
            tally.skip(f"everything on {platform}", out.strip())
        else:
            found.append(platform)
    return found


def run_real(moat, tally, only, platform, as_user):
    for script in sorted((ROOT / "tests/real").glob("*.sh")):
        if only and not re.search(only, script.name):
            continue
        text = script.read_text()
        m = re.search(r"^# needs: (.*)$", text, re.M)
        missing = [p for p in (m[1].split() if m else [])
                   if not shutil.which(p, path=environment()["PATH"])]
        name = f"real {script.name}"
        if missing:
            tally.skip(name, f"not installed: {' '.join(missing)}")
            continue
        results = []
        for prefix in ([], [moat, "run", f"--platform={platform}", "--"]):
            with directory() as tmp:
                env = environment(HOME=tmp)
                results.append(run(as_user(prefix + ["sh", str(script)]),
                                   cwd=tmp, env=env))
                results[-1] = (results[-1][0],
                               results[-1][1].replace(tmp, "TMP"))
        if results[0][0] != 0:
            tally.fail(name, f"natively: {results[0]}")
        elif results[0] != results[1]:
            tally.fail(name, f"native {results[0][0]}, inside {results[1][0]}"
                       f"\n--- native\n{results[0][1][-1500:]}"
                       f"\n--- inside\n{results[1][1][-1500:]}")
        else:
            tally.ok(name)


def run_host(build, moat, tally, only, as_user):
    scripts = sorted(ROOT.glob("tests/hostile/*.sh")) + \
        sorted(ROOT.glob("tests/gofer/*.sh")) + \
        sorted(ROOT.glob("tests/suites/*.sh"))
    for script in scripts:
        if only and not re.search(only, script.name):
            continue
        name = f"host {script.name}"
        with directory() as tmp:
            env = environment(MOAT=moat, BUILD=str(build), TMP=tmp)
            status, out = run(as_user(["bash", str(script)]), cwd=tmp, env=env)
        for line in out.splitlines():
            if line.startswith("ok "):
                tally.ok(f"{name}: {line[3:]}")
            elif line.startswith("not ok "):
                tally.fail(f"{name}: {line[7:]}", "see the script")
        if status == 77:
            tally.skip(name, (out.splitlines() or ["no reason given"])[-1])
        elif status != 0:
            tally.fail(name, f"status {status}: {out[-2500:]}")
        elif not re.search(r"^ok ", out, re.M):
            tally.fail(name, "it checked nothing")


def user_prefix(user):
    """What runs a command as USER, without any privilege."""
    who = pwd.getpwnam(user)
    return ["setpriv", f"--reuid={who.pw_uid}", f"--regid={who.pw_gid}",
            "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]


def run_guests(build, moat, tally, args, kinds, prefix):
    def as_user(argv):
        return prefix + argv

    if "conformance" in kinds:
        run_conformance(build, moat, tally, args.only,
                        working(moat, args.platforms.split(","), tally,
                                as_user), as_user)
    if "real" in kinds:
        run_real(moat, tally, args.only, args.real_platform, as_user)
    if "host" in kinds:
        run_host(build, moat, tally, args.only, as_user)


def run_all(build, args):
    moat = str(build / "moat")
    tally = Tally(args.verbose)
    kinds = args.kinds.split(",")
    start = time.monotonic()

    if "unit" in kinds:
        run_unit(build, tally, args.only)
    run_guests(build, moat, tally, args, kinds,
               user_prefix(args.as_user) if args.as_user else [])
    if args.also_user and os.geteuid() == 0:
        prefix = user_prefix(args.also_user)
        if run(prefix + ["test", "-x", moat])[0] == 0:
            print(f"again, as {args.also_user}:", flush=True)
            run_guests(build, moat, tally, args, kinds, prefix)
        else:
            tally.skip(f"everything as {args.also_user}",
                       f"that user cannot reach {args.build}")
    print(f"{args.build}{' as ' + args.as_user if args.as_user else ''}: "
          f"{time.monotonic() - start:.0f} s")
    print(f"{tally.passed} passed, {tally.failed} failed, "
          f"{tally.skipped} skipped")
    return 1 if tally.failed or not tally.passed else 0


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--build", default="build/rel")
    ap.add_argument("--only", help="regular expression of names")
    ap.add_argument("--kinds", default="unit,conformance,real,host")
    ap.add_argument("--real-platform", default="auto",
                    help="for real programs (%(default)s)")
    ap.add_argument("--platforms", default=",".join(PLATFORMS),
                    help="for conformance tests (%(default)s)")
    ap.add_argument("--as-user", help="run conformance, real, host as USER")
    ap.add_argument("--also-user", help="run them again as USER, if root")
    ap.add_argument("--verbose", action="store_true")
    args = ap.parse_args()
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signo, lambda nr, _: sys.exit(128 + nr))
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    os.umask(0o022)
    with tempfile.TemporaryDirectory(prefix="moat-check-") as tmp:
        # Everything that asks for a temporary directory gets this one.
        os.chmod(tmp, 0o1777)
        tempfile.tempdir = tmp
        try:
            return run_all((ROOT / args.build).resolve(), args)
        finally:
            tidy()


if __name__ == "__main__":
    sys.exit(main())
