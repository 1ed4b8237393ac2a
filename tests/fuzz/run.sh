#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh FOLDER SECONDS: runs every fuzzer of FOLDER from its seed corpus
# (tests/fuzz/corpus/NAME); what it finds stays under FOLDER.
folder=$1 seconds=$2 status=0
for prog in "$folder"/fuzz_*; do
	[ -x "$prog" ] || continue
	name=$(basename "$prog")
	case $name in *.*) continue ;; esac
	mkdir -p "$folder/$name.found" "tests/fuzz/corpus/$name"
	if "$prog" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="$folder/$name.found/" \
		"$folder/$name.found" "tests/fuzz/corpus/$name" \
		>"$folder/$name.log" 2>&1; then
		runs=$(sed -n 's/.*number_of_executed_units: *//p' "$folder/$name.log")
		echo "fuzz: $name: $runs runs in $seconds s, nothing found"
	else
		tail -40 "$folder/$name.log"
		echo "fuzz: $name found something: $folder/$name.log"
		status=1
	fi
done
exit $status
