#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layering.py BUILD: outside host/ folders and platform/ no object imports a
function that opens, maps, reads or signals on the host, and none contains a
system call instruction.

The allow-list below is the C library's memory, string, text and lock
functions, plus what objects of moat define.
"""
import pathlib
import re
import subprocess
import sys

ALLOWED = re.compile(r"""^(
    mem(cpy|move|set|cmp|chr|rchr|mem|pcpy)|str\w+|__str\w+|__mem\w+_chk|
    (__real_)?(malloc|calloc|realloc|free)|malloc_usable_size|
    aligned_alloc|reallocarray|qsort|bsearch|
    (v?snprintf|(__isoc99_)?sscanf|v?asprintf|__v?snprintf_chk|__v?asprintf_chk)|
    pthread_(mutex|rwlock|cond|spin|once|self|equal|key)\w*|
    pthread_(get|set)specific|
    __errno_location|__assert_fail|abort|__stack_chk_fail|__isoc23_strto\w+|
    __tls_get_addr|_GLOBAL_OFFSET_TABLE_|__ctype_\w+|tolower|toupper|
    clock_gettime|sigabbrev_np|__popcount\w*|XXH\w*|
    __(a|ub|t)san_\w+|__sanitizer\w+|__start_\w+|__stop_\w+|
    __u?(div|mod|mul)ti3|__explicit_bzero_chk|explicit_bzero
)$""", re.X)

# Folders that may call the host: the sentry's and gofer's host/, the
# platforms, and the command line (messages on the caller's terminal).
FREE = re.compile(r"(^|/)host/|^platform/|^sentry/cmd/|^tests/")
# libseccomp builds the filters of these; loading one is its only host call.
FILTERS = re.compile(r"(^|/)seccomp\.o$")
# json-c makes and reads values in memory.
JSON = re.compile(r"sentry/oci/")
CALL = re.compile(r"\t(syscall|sysenter|int\s+\$0x80)\b")


def symbols(obj, flag):
    out = subprocess.run(["nm", "-P", flag, str(obj)], check=True,
                         capture_output=True, text=True).stdout
    return {line.split()[0] for line in out.splitlines() if line.strip()}


def calls_directly(obj):
    out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", str(obj)],
                         check=True, capture_output=True, text=True).stdout
    return CALL.search(out) is not None


def breaches(obj, name, own):
    for s in sorted(symbols(obj, "-u") - own):
        if FILTERS.search(name) and s.startswith("seccomp_"):
            continue
        if JSON.search(name) and s.startswith("json_"):
            continue
        if not ALLOWED.match(s):
            yield f"imports {s}"
    if calls_directly(obj):
        yield "has a system call instruction"


def main():
    build = pathlib.Path(sys.argv[1])
    objects = [o for o in build.rglob("*.o") if "tests" not in o.parts]
    own = set()
    for o in objects:
        own |= symbols(o, "--defined-only")
    bad = 0
    for o in sorted(objects):
        name = str(o.relative_to(build))
        if FREE.search(name):
            continue
        for what in breaches(o, name, own):
            print(f"layering: {name} {what}")
            bad += 1
    if bad:
        return 1
    print(f"layering: {len(objects)} objects")
    return 0


if __name__ == "__main__":
    sys.exit(main())
