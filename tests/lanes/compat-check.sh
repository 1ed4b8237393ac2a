#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compat-check.sh FRESH PAGE TARGET: the committed PAGE is what the table says
# now; "make TARGET" renews it.
cmp -s "$1" "$2" && { echo "compat: $2 is current"; exit 0; }
echo "$2 is stale: make $3" >&2
exit 1
