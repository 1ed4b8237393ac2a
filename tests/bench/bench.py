#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures operations natively and in the sandbox in one run; prints a table of
medians and ratios, writes bench.json and bench.svg.

Nothing here passes or fails: the figures are for people.  The limits that the
project set itself are printed beside the rows they belong to.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent

# name in bench_guest, what the table calls it
MICRO = [
    ("getppid", "getppid through libc"),
    ("getppid-raw", "getppid through syscall(2)"),
    ("clock_gettime", "clock_gettime"),
    ("write-null", "write 1 byte to /dev/null"),
    ("pread-4k", "pread 4 KiB"),
    ("stat", "stat"),
    ("open-read-close", "open, read, close"),
    ("create-unlink", "create, unlink"),
    ("readdir-10000", "readdir of 10,000 entries"),
    ("pipe-ping-pong", "pipe ping-pong"),
    ("futex-ping-pong", "futex ping-pong"),
    ("fork-wait", "fork, wait"),
    ("fork-wait-100m", "fork, wait, 100 MiB touched"),
    ("fork-exec", "fork, exec, wait"),
    ("thread-join", "thread create, join"),
    ("mmap-1m", "mmap, touch, munmap 1 MiB"),
    ("page-fault", "map, write, unmap a file page"),
]


def median_ms(argv, rounds, cwd):
    times = []
    for _ in range(rounds):
        start = time.monotonic()
        subprocess.run(argv, check=True, cwd=cwd, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL)
        times.append((time.monotonic() - start) * 1e3)
    return statistics.median(times)


def descendants(pid):
    found = [pid]
    for p in found:
        for task in pathlib.Path(f"/proc/{p}/task").glob("*/children"):
            try:
                found += map(int, task.read_text().split())
            except OSError:
                pass
    return found


def pss_kib(pids):
    total = 0
    for pid in pids:
        try:
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        for line in text.splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def idle_memory(prefix):
    """PSS in KiB of all processes behind an idle sleep."""
    proc = subprocess.Popen(prefix + ["sleep", "1000"],
                            stdin=subprocess.DEVNULL)
    try:
        last = -1
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            time.sleep(0.2)
            now = pss_kib(descendants(proc.pid))
            if now == last and now:
                break
            last = now
        return last
    finally:
        proc.terminate()
        proc.wait()


def hold(prefix, prog, what, number, measure):
    """measure(pid of the launcher) while a guest has that many asleep."""
    proc = subprocess.Popen(prefix + [str(prog), what, str(number)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        proc.stdout.readline()
        time.sleep(0.5)
        return measure(proc.pid)
    finally:
        proc.terminate()
        proc.wait()


def sentry_kib(launcher):
    """Memory of its own that the sentry has in use."""
    sentry = descendants(launcher)[2]
    text = pathlib.Path(f"/proc/{sentry}/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0])


def switches(pids):
    total = 0
    for pid in pids:
        for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            total += int(text.split("\nvoluntary_ctxt_switches:")[1]
                         .split()[0])
    return total


def idle_switches(launcher):
    pids = descendants(launcher)
    before = switches(pids)
    time.sleep(10)
    return switches(pids) - before


def micro(prog, prefix, name, tmp):
    out = subprocess.run(prefix + [str(prog), name, tmp], check=True,
                         capture_output=True, text=True, cwd=tmp)
    return float(out.stdout)


def commands(tmp):
    hello = pathlib.Path(tmp) / "hello.c"
    hello.write_text('#include <stdio.h>\nint main(void)\n'
                     '{\n\tputs("hello");\n\treturn 0;\n}\n')
    yield "start of /bin/true", ["/bin/true"], 21
    yield "gcc -c hello.c", ["gcc", "-c", str(hello), "-o",
                             tmp + "/hello.o"], 5
    yield "python3 -c pass", ["/usr/bin/python3", "-c", "pass"], 7
    yield "sh loop of 100 commands", [
        "sh", "-c", "i=0; while [ $i -lt 100 ]; do /bin/true; "
        "i=$((i+1)); done"], 3


def chart(rows, path):
    """A horizontal bar a row: the ratio sandbox to native, logarithmic."""
    import math
    width, height, left = 760, 26 * len(rows) + 50, 260
    top = max(r["ratio"] for r in rows)
    scale = (width - left - 80) / math.log10(max(top, 10))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
           f'height="{height}" font-family="sans-serif" font-size="13">',
           '<text x="10" y="20" font-weight="bold">time in the sandbox / '
           'native (logarithmic)</text>']
    for i, r in enumerate(rows):
        y = 36 + 26 * i
        w = max(1, scale * math.log10(max(r["ratio"], 1)))
        out.append(f'<text x="10" y="{y + 14}">{r["name"]}</text>'
                   f'<rect x="{left}" y="{y}" width="{w:.0f}" height="18" '
                   f'fill="#4878a8"/><text x="{left + w + 6:.0f}" '
                   f'y="{y + 14}">{r["ratio"]:.2f}</text>')
    out.append("</svg>\n")
    path.write_text("\n".join(out))


def fmt_ns(ns):
    for unit, div in (("ns", 1), ("us", 1e3), ("ms", 1e6)):
        if ns < 1000 * div or unit == "ms":
            return f"{ns / div:9.2f} {unit}"


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--moat", default="build/moat")
    ap.add_argument("--platform", default="auto")
    ap.add_argument("--programs", default="build/rel/tests/bench")
    ap.add_argument("--out", default="build/bench")
    ap.add_argument("--only")
    args = ap.parse_args()
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    progs = pathlib.Path(args.programs).resolve()
    inside = [os.path.abspath(args.moat), "run",
              f"--platform={args.platform}", "--"]
    rows = []

    def row(name, native_ns, sandbox_ns, note=""):
        rows.append({"name": name, "native_ns": native_ns,
                     "sandbox_ns": sandbox_ns,
                     "ratio": sandbox_ns / native_ns, "note": note})
        print(f"{name:32} {fmt_ns(native_ns)} {fmt_ns(sandbox_ns)} "
              f"{sandbox_ns / native_ns:9.2f}  {note}", flush=True)

    print(f"{'operation':32} {'native':>12} {'sandbox':>12} {'ratio':>9}")
    with tempfile.TemporaryDirectory(prefix="moat-bench-") as tmp:
        for name, argv, rounds in commands(tmp):
            if args.only and args.only not in name:
                continue
            native = median_ms(argv, rounds, tmp)
            sandbox = median_ms(inside + argv, rounds, tmp)
            note = ("limit 20 ms" if "true" in name else
                    "limit 6.00" if "gcc" in name else "")
            row(name, native * 1e6, sandbox * 1e6, note)
        for name, title in MICRO:
            if args.only and args.only not in name:
                continue
            native = micro(progs / "bench_guest", [], name, tmp)
            note = ""
            if name == "getppid":
                bare = float(subprocess.check_output(
                    [str(progs / "bare_sysemu")]))
            sandbox = micro(progs / "bench_guest", inside, name, tmp)
            if name == "getppid":
                bare = min(bare, float(subprocess.check_output(
                    [str(progs / "bare_sysemu")])))
                note = (f"bare SYSEMU {bare / 1e3:.2f} us: "
                        f"{sandbox / bare:.2f} times it, limit 1.25")
            elif name == "clock_gettime":
                note = "limit 1.20"
            elif name in ("mmap-1m", "fork-wait-100m"):
                note = "limit 1.50"
            elif name in ("fork-wait", "fork-exec"):
                note = "limit 4.00"
            row(title, native, sandbox, note)
    memory = {}
    if not args.only:
        native = idle_memory([])
        sandbox = idle_memory(inside)
        memory = {"native_kib": native, "sandbox_kib": sandbox}
        print(f"{'idle sleep, PSS of all':32} {native:9} KiB {sandbox:9} KiB"
              f" {'':9}  {(sandbox - native) / 1024:.2f} MiB more, "
              "limit 4 MiB")
        guest = progs / "bench_guest"
        few = hold(inside, guest, "hold-threads", 1, sentry_kib)
        many = hold(inside, guest, "hold-threads", 2001, sentry_kib)
        memory["thread_kib"] = (many - few) / 2000
        print(f"{'sentry memory a guest thread':32} {'':12} "
              f"{memory['thread_kib']:9.1f} KiB {'':9}  limit 32 KiB")
        memory["idle_switches"] = hold(inside, guest, "hold-processes", 50,
                                       idle_switches)
        print(f"{'switches in 10 s, 50 asleep':32} {'':12} "
              f"{memory['idle_switches']:9} {'':13}  limit 0")
    (out / "bench.json").write_text(json.dumps(
        {"rows": rows, "memory": memory}, indent=1) + "\n")
    chart(rows, out / "bench.svg")
    print(f"written: {out}/bench.json {out}/bench.svg")


if __name__ == "__main__":
    main()
