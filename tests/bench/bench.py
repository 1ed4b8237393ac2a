#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures operations natively and in the sandbox in one run; prints a table of
medians and ratios, writes bench.json and bench.svg.

Nothing here passes or fails: the figures are for people.  Where a row misses
what the project set itself, the limit is printed beside it.
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
    ("getppid-plain", "getppid, not patched"),
    ("getppid-busy", "getppid, every CPU busy"),
    ("threads-8", "8 threads, 16,000 calls"),
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
    ("compute", "1,000,000 multiplications"),
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


COLOURS = ["#b8b8b8", "#4878a8", "#c87830", "#589858"]


def chart(rows, platforms, path):
    """A group of bars a row: the ratios to native, logarithmic."""
    import math
    step = 14 * len(platforms) + 12
    width, height, left = 800, step * len(rows) + 70, 260
    top = max(r["ratio"][p] for r in rows for p in platforms)
    scale = (width - left - 80) / math.log10(max(top, 10))
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
           f'height="{height}" font-family="sans-serif" font-size="12">',
           '<text x="10" y="20" font-weight="bold">time in the sandbox / '
           'native (logarithmic; grey: native)</text>']
    for k, p in enumerate(platforms):
        out.append(f'<rect x="{10 + 90 * k}" y="30" width="12" height="12" '
                   f'fill="{COLOURS[k + 1]}"/><text x="{26 + 90 * k}" '
                   f'y="41">{p}</text>')
    one = left + scale * 0
    for i, r in enumerate(rows):
        y = 56 + step * i
        out.append(f'<text x="10" y="{y + 12}">{r["name"]}</text>')
        for k, p in enumerate(platforms):
            w = max(1, scale * math.log10(max(r["ratio"][p], 1)))
            out.append(f'<rect x="{left}" y="{y + 14 * k}" width="{w:.0f}" '
                       f'height="12" fill="{COLOURS[k + 1]}"/>'
                       f'<text x="{left + w + 6:.0f}" y="{y + 14 * k + 10}">'
                       f'{r["ratio"][p]:.2f}</text>')
    out.append(f'<rect x="{one}" y="50" width="1" '
               f'height="{step * len(rows)}" fill="{COLOURS[0]}"/>')
    out.append("</svg>\n")
    path.write_text("\n".join(out))


def fmt_ns(ns):
    for unit, div in (("ns", 1), ("us", 1e3), ("ms", 1e6)):
        if ns < 1000 * div or unit == "ms":
            return f"{ns / div:9.2f} {unit}"


# What the project promised, as a ratio to native: {platform: limit}.
LIMITS = {
    "getppid": {"trap": 2.2}, "write-null": {"trap": 2.5},
    "pread-4k": {"trap": 1.5}, "stat": {"trap": 1.5},
    "page-fault": {"trap": 1.3},
    "mmap-1m": {"trap": 1.0, "ptrace": 1.5, "kvm": 4.0},
    "compute": {"trap": 1.01, "ptrace": 1.01, "kvm": 1.01},
    "pipe-ping-pong": {"trap": 2.0}, "futex-ping-pong": {"trap": 2.0},
    "fork-wait": {"trap": 3.0}, "fork-exec": {"trap": 2.5},
    "thread-join": {"trap": 3.0},
    "clock_gettime": {"trap": 1.2, "ptrace": 1.2},
    "gcc -c hello.c": {"trap": 1.5, "ptrace": 6.0},
    "python3 -c pass": {"trap": 1.5},
    "sh loop of 100 commands": {"trap": 2.5},
}


# And in ns, where the issue says so; and how far the 95th percentile of ten
# runs may lie above their median.
NS_LIMITS = {"getppid-plain": {"trap": 3500}, "getppid-busy": {"trap": 6000}}
STEADY_LIMIT = 1.5


def ns_notes(name, inside):
    return [f"{p} limit {limit / 1e3:.1f} us"
            for p, limit in NS_LIMITS.get(name, {}).items()
            if inside.get(p, 0) > limit]


def steadiness(progs, prefixes, tmp):
    """Of a patched call: ten runs, for each platform."""
    notes = []
    for p, prefix in prefixes.items():
        runs = sorted(micro(progs / "bench_guest", prefix, "getppid", tmp)
                      for _ in range(10))
        ratio = statistics.quantiles(runs, n=20)[-1] / statistics.median(runs)
        over = f", limit {STEADY_LIMIT}" if ratio > STEADY_LIMIT else ""
        notes.append(f"{p} p95/median of 10 runs {ratio:.2f}{over}")
    return notes


class Table:
    """The rows, printed as they come."""

    def __init__(self, platforms):
        self.platforms, self.rows = platforms, []
        print(f"{'operation':32} {'native':>12} " +
              " ".join(f"{p:>12} {'ratio':>8}" for p in platforms))

    def add(self, name, native_ns, by_platform, limits, note=""):
        ratio = {p: ns / native_ns for p, ns in by_platform.items()}
        over = [f"{p} limit {limits[p]:.2f}" for p in self.platforms
                if p in limits and ratio[p] > limits[p]]
        note = "; ".join(([note] if note else []) + over)
        self.rows.append({"name": name, "native_ns": native_ns,
                          "sandbox_ns": by_platform, "ratio": ratio,
                          "limits": limits, "note": note})
        print(f"{name:32} {fmt_ns(native_ns)} " +
              " ".join(f"{fmt_ns(by_platform[p])} {ratio[p]:8.2f}"
                       for p in self.platforms) + f"  {note}", flush=True)


def measure(args, table, prefixes, tmp, progs):
    for name, argv, rounds in commands(tmp):
        if args.only and args.only not in name:
            continue
        native = median_ms(argv, rounds, tmp) * 1e6
        inside = {p: median_ms(prefix + argv, rounds, tmp) * 1e6
                  for p, prefix in prefixes.items()}
        note = "limit 15 ms, kvm 40 ms" if "true" in name else ""
        table.add(name, native, inside, LIMITS.get(name, {}), note)
    for name, title in MICRO:
        if args.only and args.only not in name:
            continue
        native = statistics.median(
            micro(progs / "bench_guest", [], name, tmp)
            for _ in range(args.rounds))
        inside = {p: statistics.median(
            micro(progs / "bench_guest", prefix, name, tmp)
            for _ in range(args.rounds)) for p, prefix in prefixes.items()}
        notes = ns_notes(name, inside)
        if name == "getppid":
            notes += steadiness(progs, prefixes, tmp)
        if name == "getppid" and "ptrace" in inside:
            bare = min(float(subprocess.check_output(
                [str(progs / "bare_sysemu")])) for _ in range(2))
            notes.append(f"bare SYSEMU {bare / 1e3:.2f} us: ptrace is "
                         f"{inside['ptrace'] / bare:.2f} times it, limit 1.25")
        if name == "getppid-raw" and "kvm" in inside:
            bare = min(float(subprocess.check_output(
                [str(progs / "bare_kvm")])) for _ in range(2))
            notes.append(f"bare exit {bare / 1e3:.2f} us: kvm is "
                         f"{inside['kvm'] / bare:.2f} times it, limit 1.4")
        table.add(title, native, inside, LIMITS.get(name, {}),
                  "; ".join(notes))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--moat", default="build/moat")
    ap.add_argument("--platforms", default="ptrace,trap" + (
        ",kvm" if os.access("/dev/kvm", os.R_OK | os.W_OK) else ""))
    ap.add_argument("--programs", default="build/rel/tests/bench")
    ap.add_argument("--out", default="build/bench")
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--only")
    args = ap.parse_args()
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    progs = pathlib.Path(args.programs).resolve()
    platforms = args.platforms.split(",")
    prefixes = {p: [os.path.abspath(args.moat), "run", f"--platform={p}",
                    "--"] for p in platforms}
    table = Table(platforms)
    with tempfile.TemporaryDirectory(prefix="moat-bench-") as tmp:
        measure(args, table, prefixes, tmp, progs)
    memory = {}
    if not args.only:
        native = idle_memory([])
        memory = {"native_kib": native}
        for p, prefix in prefixes.items():
            memory[p + "_kib"] = kib = idle_memory(prefix)
            print(f"idle sleep, PSS of all: native {native} KiB, {p} {kib} "
                  f"KiB: {(kib - native) / 1024:.2f} MiB more, limit 4 MiB")
    (out / "bench.json").write_text(json.dumps(
        {"rows": table.rows, "memory": memory}, indent=1) + "\n")
    chart(table.rows, platforms, out / "bench.svg")
    print(f"written: {out}/bench.json {out}/bench.svg")


if __name__ == "__main__":
    main()
