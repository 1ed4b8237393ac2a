#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs stress-ng's stressors one after another with --verify, natively and
inside, and compares passed/failed/skipped.

usage: stress_ng.py --moat MOAT [--only REGEX] [--ops N] [--as-user USER]
                    [--native-cache FILE] [--table FILE]

Stressors: all of the classes scheduler, interrupt, pipe, memory and os, but
those of stress_ng_skip.csv (name, reason).  Only one that passes natively is
run inside.  Those of stress_ng_known.csv (the same) are known not to pass;
that one does is a failure, too.  Prints "ok NAME" or "not ok NAME: ...";
--table writes all.
"""
import argparse
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "harness"))
from check import run, user_prefix  # noqa: E402

CLASSES = ["scheduler", "interrupt", "pipe", "memory", "os"]


def reasons(name):
    text = (HERE / name).read_text().splitlines()
    return {r[0]: r[1] for r in csv.reader(text) if r and r[0][0] != "#"}


def stressors():
    found = set()
    for cls in CLASSES:
        out = subprocess.run(["stress-ng", "--class", cls + "?"],
                             capture_output=True, text=True).stdout
        found |= set(out.partition("stressors:")[2].split())
    return sorted(found)


def verdict(status, out):
    """pass, skip, fail, hang or what it ended with."""
    if status in (3, 4) or "No stress workers invoked" in out or \
            re.search(r"skipping st|will be skipped", out):
        return "skip"
    if status == 0 and "successful run completed" in out:
        return "pass"
    if status == 2:
        return "fail"
    return "hang" if status == "timeout" else f"status {status}"


def stress(prefix, name, args, seconds):
    argv = prefix + ["stress-ng", f"--{name}", "1", f"--{name}-ops",
                     str(args.ops), "--verify", "--timeout", str(seconds),
                     "--temp-path", "."]
    with tempfile.TemporaryDirectory(prefix="moat-stress-") as tmp:
        os.chmod(tmp, 0o777)
        start = time.monotonic()
        status, out = run(argv, seconds + 20, cwd=tmp)
    return verdict(status, out), time.monotonic() - start, out


def complaints(out):
    text = re.sub(r"stress-ng: (\w+): +\[\d+\] ", r"\1: ", out)
    lines = [ln for ln in text.splitlines()
             if not re.search(r"dispatching hogs|run completed|setting to", ln)]
    return "\n".join("  " + ln for ln in lines[-12:])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--moat", default="build/moat")
    ap.add_argument("--platform", default="auto")
    ap.add_argument("--only", help="regular expression of stressors")
    ap.add_argument("--ops", type=int, default=20)
    ap.add_argument("--as-user")
    ap.add_argument("--native-cache", help="file of native verdicts")
    ap.add_argument("--table", help="CSV file of all verdicts")
    args = ap.parse_args()
    moat = [str(pathlib.Path(args.moat).resolve()), "run",
            f"--platform={args.platform}", "--"]
    prefix = user_prefix(args.as_user) if args.as_user else []
    skip, known = reasons("stress_ng_skip.csv"), reasons("stress_ng_known.csv")
    cache = {}
    if args.native_cache and os.path.exists(args.native_cache):
        cache = json.loads(pathlib.Path(args.native_cache).read_text())
    table, bad, ran = [], 0, 0

    for name in stressors():
        if args.only and not re.search(rf"^(?:{args.only})$", name):
            continue
        if name in skip:
            table.append((name, "-", "-", skip[name]))
            continue
        if name not in cache:
            cache[name] = list(stress(prefix, name, args, 4))
            if args.native_cache:
                pathlib.Path(args.native_cache).write_text(json.dumps(cache))
        native = cache[name]
        if native[0] != "pass":
            table.append((name, native[0], "-", ""))
            print(f"skip {name}: natively {native[0]}", flush=True)
            continue
        inside = stress(prefix + moat, name, args, 10)
        ran += 1
        table.append((name, native[0], inside[0], known.get(name, "")))
        if inside[0] != "pass" and name in known:
            ran -= 1
            print(f"skip {name}: known: {known[name]}", flush=True)
        elif name in known:
            bad += 1
            print(f"not ok {name}: passes, but is listed as known", flush=True)
        elif inside[0] == "pass":
            print(f"ok {name} ({native[1]:.1f} s, {inside[1]:.1f} s)",
                  flush=True)
        else:
            bad += 1
            print(f"not ok {name}: inside {inside[0]}\n"
                  f"{complaints(inside[2])}", flush=True)
    if args.table:
        with open(args.table, "w", newline="") as f:
            csv.writer(f).writerows(table)
    print(f"{ran - bad} passed, {bad} failed, {len(table) - ran} skipped")
    return 1 if bad or not ran else 0


if __name__ == "__main__":
    sys.exit(main())
