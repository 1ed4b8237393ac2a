#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""style.py FILE...: the rules of docs/style.md that text can show.

- the first line is the licence line; a comment opens every .c and .h
- no // comments, no struct typedefs (uaddr_t excepted)
- every function declared in a header has a comment above it or above its
  group (a group is consecutive declarations without a blank line)
- no TODO, FIXME or XXX without an issue number
- a test that the head comment names is there
"""
import pathlib
import re
import sys

LICENCE = "/* SPDX-License-Identifier: Apache-2.0 */"
DECL = re.compile(r"^[A-Za-z_].*\b\w+\(.*(;|,)$|^[A-Za-z_].*\b\w+\($")
bad = 0


def report(path, line, what):
    global bad
    bad += 1
    print(f"style: {path}:{line}: {what}")


def check_text(path, lines):
    if not lines or lines[0] != LICENCE:
        report(path, 1, "the licence line is missing")
    if len(lines) < 2 or not lines[1].startswith("/*"):
        report(path, 2, "no comment says what this file is")
    for n, line in enumerate(lines, 1):
        if re.match(r"\s*//", line):
            report(path, n, "// comment")
        if re.match(r"typedef struct(?!.*uaddr_t)", line) and \
                "va; } uaddr_t" not in " ".join(lines[n - 1:n + 3]):
            report(path, n, "struct typedef")
        if re.search(r"\b(TODO|FIXME|XXX)\b(?!.*#\d)", line):
            report(path, n, "a TODO without an issue")


def check_tests(path, lines):
    """"Tests: tests/unit/a.c, b.c; tests/hostile/c.sh" of the head comment."""
    end = lines.index(" */") if " */" in lines else 0
    head = " ".join(line.strip(" */") for line in lines[1:end])
    _, _, tests = head.partition("Tests: ")
    folder = ""
    for name in re.findall(r"[\w./*]+\.(?:c|sh|py)\b", tests):
        folder = name.rpartition("/")[0] or folder
        want = pathlib.Path(folder) / name.rpartition("/")[2]
        if not want.exists():
            report(path, 1, f"no such test: {want}")


def check_header(path, lines):
    """A declaration needs a comment right above its group."""
    documented = False
    in_comment = False
    depth = 0
    for n, line in enumerate(lines, 1):
        if in_comment or line.lstrip().startswith("/*"):
            in_comment = "*/" not in line
            if not in_comment:
                documented = True
            continue
        if not line.strip():
            documented = False
            continue
        if depth == 0 and DECL.match(line) and not documented and \
                not line.startswith(("static", "struct mutex", "#", "RB_",
                                     "DEFINE_", "extern const")):
            report(path, n, f"undocumented: {line.strip()[:60]}")
        depth += line.count("{") - line.count("}")


def main():
    for path in sys.argv[1:]:
        lines = pathlib.Path(path).read_text().splitlines()
        check_text(path, lines)
        if not path.startswith("tests/"):
            check_tests(path, lines)
        if path.endswith(".h") and not path.startswith("tests/"):
            check_header(path, lines)
    if bad:
        return 1
    print(f"style: {len(sys.argv) - 1} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
