#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""layering.py BUILD: outside host/ folders and platform/ no object imports a
function that opens, maps, reads or signals on the host.

The allow-list below is the C library's memory, string, text and lock
functions, plus what objects of moat define.
"""
import pathlib
import re
import subprocess
import sys

ALLOWED = re.compile(r"""^(
    mem(cpy|move|set|cmp|chr|rchr|mem|pcpy)|str\w+|__str\w+|__mem\w+_chk|
    malloc|calloc|realloc|free|aligned_alloc|reallocarray|qsort|bsearch|
    (v?s?n?printf|v?asprintf|__v?sn?printf_chk|__v?asprintf_chk)|
    pthread_(mutex|rwlock|cond|spin|once|self|equal|key|getspecific|setspecific)\w*|
    pthread_create|pthread_join|
    __errno_location|__assert_fail|abort|__stack_chk_fail|__isoc\w+|isoc\w*|
    __tls_get_addr|_GLOBAL_OFFSET_TABLE_|__ctype_\w+|tolower|toupper|
    clock_gettime|strto\w+|__isoc23_strto\w+|__popcount\w*|
    XXH\w*|seccomp_\w+|_?U\w*nw_\w+|_Ux86_64\w+|unw_\w+|
    __(a|ub|t)san_\w+|__sanitizer\w+|__start_\w+|__stop_\w+|__cpu_\w+|
    localtime_r|gmtime_r|random|environ|sigabbrev_np|strerrorname_np|
    __sig(set|add|del|ismember)\w*|sig(empty|fill|add|del|ismember)\w*|
    __udivti3|__umodti3|__divti3|__multi3|__fdelt_chk|__explicit_bzero_chk|explicit_bzero
)$""", re.X)

# Folders that may call the host: the sentry's and gofer's host/, the
# platforms, and the command line (messages on the caller's terminal).
FREE = re.compile(r"(^|/)host/|^platform/|^sentry/cmd/|^gofer/seccomp|^tests/")


def symbols(obj, flag):
    out = subprocess.run(["nm", "-P", flag, str(obj)], check=True,
                         capture_output=True, text=True).stdout
    return {line.split()[0] for line in out.splitlines() if line.strip()}


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
        for s in sorted(symbols(o, "-u") - own):
            if not ALLOWED.match(s):
                print(f"layering: {name} imports {s}")
                bad += 1
    if bad:
        return 1
    print(f"layering: {len(objects)} objects")
    return 0


if __name__ == "__main__":
    sys.exit(main())
