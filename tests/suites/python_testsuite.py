#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs modules of Debian's libpython3.11-testsuite natively and inside and
compares the verdict of each test case.

usage: python_testsuite.py --moat MOAT [--only REGEX] [--fast] [--native-cache
                           DIR] [--as-user USER] [--verbose]

Prints "ok MODULE: N cases ..." or "not ok MODULE: ..." for each module, below
it the cases that differ.  python_modules.csv names the modules (fast ones are
run by every check), python_known.csv the cases that may differ, each with its
reason; one that no longer differs is a failure too.  Those whose reason begins
with "hangs: " are not run inside.
"""
import argparse
import csv
import json
import os
import pathlib
import re
import sys
import tempfile
import time
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "harness"))
from check import run, user_prefix  # noqa: E402

PYTHON = "/usr/bin/python3.11"
MARK = "==== verdicts ===="
# Worst last: of two cases of one name the worse one counts.
VERDICTS = ["ok", "skip", "FAIL", "ERROR", "missing"]


def rows(name):
    text = (HERE / name).read_text().splitlines()
    return [r for r in csv.reader(text) if r and not r[0].startswith("#")]


def parse(out):
    """{case: verdict} from the XML behind MARK, or from the -v lines."""
    cases = {}

    def note(name, verdict):
        old = cases.get(name, "ok")
        cases[name] = max(old, verdict, key=VERDICTS.index)

    text, _, tail = out.rpartition(MARK)
    try:
        tree = xml.etree.ElementTree.fromstring(tail.strip())
        for case in tree.iter("testcase"):
            verdict = "ok"
            for tag, what in (("skipped", "skip"), ("failure", "FAIL"),
                              ("error", "ERROR")):
                if case.find(tag) is not None or (
                        tag == "skipped" and case.get("result") == "skipped"):
                    verdict = what
            note(case.get("name"), verdict)
    except xml.etree.ElementTree.ParseError:
        for m in re.finditer(r"^(\w+) \(([\w.]+)\)(?:\n.*)?? \.\.\. "
                             r"(?:.*?)(ok|skipped|FAIL|ERROR)\b", out, re.M):
            verdict = "skip" if m[3] == "skipped" else m[3]
            name = m[2] if m[2].endswith("." + m[1]) else f"{m[2]}.{m[1]}"
            note(name, verdict)
    return cases


def run_module(prefix, module, timeout, tty, leave_out=()):
    test = (f"{PYTHON} -m test -v --junit-xml verdicts.xml "
            f"--timeout {timeout} {module}")
    for case in leave_out:
        test += f" -i {case}"
    if tty:
        test = f"script -qec '{test}' /dev/null"
    # The usual limit; the machine's own may be any.
    script = (f"ulimit -Sn 1024; {test}; s=$?; echo; echo '{MARK}'; "
              f"cat verdicts.xml; exit $s")
    with tempfile.TemporaryDirectory(prefix="moat-python-") as tmp:
        os.chmod(tmp, 0o777)
        env = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": tmp,
               "LC_ALL": "C.UTF-8", "TMPDIR": tmp}
        start = time.monotonic()
        status, out = run(prefix + ["sh", "-c", script], timeout + 30,
                          cwd=tmp, env=env)
    return {"status": status, "cases": parse(out), "out": out,
            "seconds": time.monotonic() - start}


def native_result(module, args, prefix, *how):
    """The native run, from the cache if it is there; @how: time, terminal."""
    if not args.native_cache:
        return run_module(prefix, module, *how)
    who = args.as_user or "self"
    path = pathlib.Path(args.native_cache) / f"{module}-{who}.json"
    if path.exists():
        return json.loads(path.read_text())
    result = run_module(prefix, module, *how)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result))
    return result


def differences(native, inside, known):
    """[(case, why)]: what is unexpected; unexpected equality counts too."""
    found = []
    for case, verdict in sorted(native["cases"].items()):
        got = inside["cases"].get(case, "missing")
        if verdict in ("FAIL", "ERROR"):
            continue        # says nothing about us
        if got != verdict and case not in known:
            found.append((case, f"native {verdict}, inside {got}"))
        elif got == verdict and case in known:
            found.append((case, "no difference, but listed as known"))
    for case in sorted(set(inside["cases"]) - set(native["cases"])):
        if case not in known:
            found.append((case, f"inside only: {inside['cases'][case]}"))
    return found


def explain(out, case):
    """The traceback of a failed case in the output."""
    name = case.rpartition(".")[2]
    m = re.search(rf"^(?:FAIL|ERROR): {name} .*?(?=^=====|^-+\nRan |\Z)", out,
                  re.M | re.S)
    return m[0][:1500] if m else ""


def check(module, args, prefix, known, *how):
    native = native_result(module, args, prefix, *how)
    hangs = [k for k, why in known.items() if why.startswith("hangs: ")]
    moat = [args.moat, "run", f"--platform={args.platform}", "--"]
    inside = run_module(prefix + moat, module, *how, hangs)
    bad = differences(native, inside, known)
    if bad:
        # Their cases have deadlines of their own, which a busy machine may
        # miss: what differs must do so twice.
        again = run_module(prefix + moat, module, *how, hangs)
        twice = dict(differences(native, again, known))
        bad = [b for b in bad if b[0] in twice]
    total = len(native["cases"])
    same = sum(native["cases"][c] == inside["cases"].get(c)
               for c in native["cases"])
    line = (f"{module}: {same} of {total} cases the same, native "
            f"{native['seconds']:.0f} s, inside {inside['seconds']:.0f} s")
    if inside["status"] == "timeout":
        bad.append((module, "time-out: " + inside["out"][-1500:]))
    if not total:
        bad.append((module, "no case ran natively: " + native["out"][-500:]))
    print(f"{'not ok' if bad else 'ok'} {line}", flush=True)
    for case, why in bad:
        print(f"  {case}: {why}")
        if args.verbose:
            print("    " + explain(inside["out"], case).replace("\n",
                                                               "\n    "))
    if args.keep:
        path = pathlib.Path(args.keep) / f"{module}.out"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(inside["out"])
    return not bad


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--moat", default="build/moat")
    ap.add_argument("--platform", default="auto")
    ap.add_argument("--only", help="regular expression of modules")
    ap.add_argument("--fast", action="store_true", help="the fast ones only")
    ap.add_argument("--native-cache", help="directory of native results")
    ap.add_argument("--keep", help="directory for what the inner runs said")
    ap.add_argument("--as-user")
    ap.add_argument("--verbose", action="store_true")
    args = ap.parse_args()
    args.moat = str(pathlib.Path(args.moat).resolve())
    prefix = user_prefix(args.as_user) if args.as_user else []
    # A reason that begins with "root" is one of the superuser's runs only.
    known = {r[0]: r[1] for r in rows("python_known.csv")
             if os.geteuid() == 0 or not r[1].startswith("root ")}
    good = True

    for module, traits, timeout in rows("python_modules.csv"):
        if args.only and not re.search(args.only, module):
            continue
        if args.fast and "fast" not in traits.split():
            continue
        mine = {k: why for k, why in known.items()
                if k.startswith(f"test.{module}.")}
        good = check(module, args, prefix, mine, int(timeout),
                     "tty" in traits.split()) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
