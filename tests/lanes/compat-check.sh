#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compat-check.sh FRESH: docs/compat.md is what the table says now.
cmp -s "$1" docs/compat.md && { echo "compat: current"; exit 0; }
echo "docs/compat.md is stale: make compat" >&2
exit 1
