#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench_files.py: file work, native and in the sandbox; a part of make bench.

Big sequential and random reads and writes, git status and find in a tree of
many files (second run), and how soon an edit of the host is seen in a shared
bind.  The tree is made by this script.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

# Times of the sandbox / native, as promised.
LIMITS = {"write": 1 / 0.9, "read": 1 / 0.9, "git status": 2.5, "find": 2.5}


def run(argv, cwd, **more):
    return subprocess.run(argv, check=True, cwd=cwd, capture_output=True,
                          text=True, **more).stdout


def report(name, native, inside, unit, limit=None, note=""):
    ratio = inside / native
    if limit and ratio > limit:
        note += f" limit {limit:.2f}"
    print(f"{name:36} {native:10.2f} {unit} {inside:10.2f} {unit} "
          f"{ratio:7.2f} {note}", flush=True)


def big_files(prog, prefix, tmp, mib):
    path = f"{tmp}/big"
    figures = {}
    for who, before in (("native", []), ("inside", prefix)):
        # One sandbox for all: what it wrote is gone with it.
        script = " && ".join(f"{prog} {what} {path} {mib}" for what in
                             ("seq-write", "seq-read", "random-pread"))
        out = run(before + ["sh", "-c", script], tmp).split()
        figures[who] = [float(x) for x in out]
    os.unlink(path)
    native, inside = figures["native"], figures["inside"]
    for i, what in enumerate(("write", "read")):
        report(f"sequential {what} of {mib} MiB", native[i] / 1e6,
               inside[i] / 1e6, "ms", LIMITS[what])
    report("random 4 KiB pread", native[2] / 1e3, inside[2] / 1e3, "us",
           note=f"{(inside[2] - native[2]) / 1e3:.2f} us more; "
                "limit: the trap and 1 us")


def make_tree(root, files):
    repo = pathlib.Path(root) / "tree"
    for i in range(files):
        d = repo / f"d{i % 50}" / f"e{i // 50 % 20}"
        if i < 1000:
            d.mkdir(parents=True, exist_ok=True)
        (d / f"f{i}").write_text(f"file {i}\n")
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c",
           "init.defaultBranch=main"]
    run(git + ["init", "-q"], repo)
    run(git + ["add", "."], repo)
    run(git + ["commit", "-q", "-m", "all"], repo)
    return repo


def tree(prefix, tmp, files):
    repo = make_tree(tmp, files)
    for name, command in (("git status", "git status --porcelain"),
                          ("find", "find . -type f -size -1000")):
        timed = (f"{command} >/dev/null; a=$(date +%s%N); {command} "
                 ">/dev/null; b=$(date +%s%N); echo $((b-a))")
        native, inside = (
            statistics.median(int(run(before + ["sh", "-c", timed], repo))
                              for _ in range(3)) / 1e6
            for before in ([], prefix))
        report(f"{name}, {files} files, second run", native, inside, "ms",
               LIMITS[name])


def coherence(prog, moat, platform, tmp, edits):
    """Median and 99 % of the time until the guest sees a longer file."""
    shared = pathlib.Path(tmp) / "shared"
    shared.mkdir()
    path = shared / "file"
    path.touch()
    p = subprocess.Popen([moat, "run", f"--platform={platform}", "--bind",
                          f"{shared}:{shared}", "--", prog, "watch",
                          str(path), str(edits)], stdout=subprocess.PIPE,
                         text=True)
    took = []
    time.sleep(0.5)
    for _ in range(edits):
        start = time.time_ns()
        with open(path, "a", encoding="ascii") as f:
            f.write("x")
        took.append((int(p.stdout.readline()) - start) / 1e6)
        time.sleep(0.002)
    p.wait()
    took.sort()
    print(f"edit of the host seen in a bind: median "
          f"{statistics.median(took):.3f} ms, 99 % "
          f"{took[int(len(took) * 0.99)]:.3f} ms, limit 10 ms")


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--moat", default="build/moat")
    ap.add_argument("--platform", default="trap")
    ap.add_argument("--programs", default="build/rel/tests/bench")
    ap.add_argument("--files", type=int, default=50000)
    ap.add_argument("--mib", type=int, default=1024)
    ap.add_argument("--edits", type=int, default=500)
    args = ap.parse_args()
    prog = str(pathlib.Path(args.programs).resolve() / "bench_files")
    moat = os.path.abspath(args.moat)
    prefix = [moat, "run", f"--platform={args.platform}", "--"]
    print(f"{'file work, ' + args.platform:36} {'native':>13} "
          f"{'sandbox':>13} {'ratio':>7}")
    with tempfile.TemporaryDirectory(prefix="moat-bench-") as tmp:
        big_files(prog, prefix, tmp, args.mib)
        tree(prefix, tmp, args.files)
        coherence(prog, moat, args.platform, tmp, args.edits)


if __name__ == "__main__":
    main()
