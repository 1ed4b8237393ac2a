#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sizes.py FILE...: functions of at most 80 lines, files of at most 800, lines
of at most 80 columns (tabs are 8); prints the ten longest functions.

The functions of tests are lists of cases: exempt.
"""
import pathlib
import sys

EXEMPT = {"tests/"}
MAX_FUNCTION, MAX_FILE, MAX_LINE = 80, 800, 80


def functions(path, lines):
    start = None
    for n, line in enumerate(lines, 1):
        if line.startswith("{"):
            start = n
        elif line.startswith("}") and start:
            if line.rstrip() == "}":
                yield n - start + 1, f"{path}:{start}"
            start = None


def main():
    sizes, bad = [], 0
    for path in sys.argv[1:]:
        lines = pathlib.Path(path).read_text().splitlines()
        if len(lines) > MAX_FILE:
            print(f"sizes: {path} has {len(lines)} lines")
            bad += 1
        for n, line in enumerate(lines, 1):
            if len(line.expandtabs(8)) > MAX_LINE:
                print(f"sizes: {path}:{n} is wider than {MAX_LINE}")
                bad += 1
        if any(path.startswith(e) for e in EXEMPT):
            continue
        sizes += functions(path, lines)
    sizes.sort(reverse=True)
    for size, where in sizes[:10]:
        print(f"  {size:3} {where}")
    for size, where in sizes:
        if size > MAX_FUNCTION:
            print(f"sizes: {where} is a function of {size} lines")
            bad += 1
    if sizes:
        plain = sorted(s for s, _ in sizes)
        print(f"sizes: {len(plain)} functions, median "
              f"{plain[len(plain) // 2]}, 90 % <= "
              f"{plain[len(plain) * 9 // 10]}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
