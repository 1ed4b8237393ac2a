# SPDX-License-Identifier: Apache-2.0
# What the processes of a sandbox can do, seen from outside while it runs: no
# capability, no new privileges, a filter in every thread, namespaces of their
# own, an empty root.  What the filters refuse: tests/unit/test_seccomp.c and
# tests/gofer/test_gofer_filter.c.
. "$(dirname "$0")/lib.sh.inc"

mkdir "$TMP/shared"
echo up >"$TMP/up"
# is NAME WANT GOT
is() { [ "$2" = "$3" ] && ok "$1" || not_ok "$1" "$3, not $2"; }
field() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }

# start OPTIONS...: $pid, $gofer, $sentry, $stub
start() {
	# One process, which stays.
	: >"$TMP/out"
	"$MOAT" run "$@" -- tail -f "$TMP/up" >"$TMP/out" 2>&1 &
	pid=$!
	soon 10 grep -q up "$TMP/out" || not_ok start "$(cat "$TMP/out")"
	gofer=$(victim gofer $pid) sentry=$(victim sentry $pid)
	stub=$(victim stub $pid)
}

check_process() { # NAME PID CAPS
	local ns t threads=0 bad=
	for t in /proc/"$2"/task/*; do
		threads=$((threads + 1))
		[ "$(sed -n 's/^Seccomp:[[:space:]]*//p' "$t/status")" = 2 ] &&
			[ "$(sed -n 's/^NoNewPrivs:[[:space:]]*//p' "$t/status")" = 1 ] ||
			bad="$bad $t"
	done
	[ -z "$bad" ] && [ $threads -gt 0 ] && ok "$1-filter-in-each-thread" ||
		not_ok "$1-filter-in-each-thread" "$bad"
	is "$1-CapEff" "$3" "$(field "$2" CapEff)"
	is "$1-CapPrm" "$3" "$(field "$2" CapPrm)"
	is "$1-CapInh" 0000000000000000 "$(field "$2" CapInh)"
	is "$1-CapAmb" 0000000000000000 "$(field "$2" CapAmb)"
	for ns in user mnt pid net ipc uts; do
		[ "$(readlink "/proc/$2/ns/$ns")" != "$(readlink "/proc/self/ns/$ns")" ] &&
			ok "$1-own-$ns" || not_ok "$1-own-$ns" "that of the caller"
	done
	is "$1-root-is-empty" "" "$(ls -A "/proc/$2/root/" 2>&1)"
	is "$1-one-mount" 1 "$(wc -l <"/proc/$2/mountinfo")"
	is "$1-no-network" "" "$(grep : "/proc/$2/net/dev" | grep -v '^ *lo:')"
}
none=0000000000000000
if [ "$(id -u)" = 0 ]; then reads=0000000000000004 writes=000000000000001f
else reads=$none writes=$none; fi

start
check_process sentry "$sentry" $none
check_process stub "$stub" $none
is sentry-bounding-set $none "$(field "$sentry" CapBnd)"
is sentry-no-directory "" "$(find -L "/proc/$sentry/fd" -maxdepth 1 -mindepth 1 -type d)"
is stub-no-directory "" "$(find -L "/proc/$stub/fd" -maxdepth 1 -mindepth 1 -type d)"
is sentry-core-limit 0 "$(awk '/core file/ {print $6}' "/proc/$sentry/limits")"
[ "$(id -u)" = 0 ] && is sentry-not-root 65534 "$(field "$sentry" Uid | cut -f1)"
[ "$(readlink "/proc/$gofer/ns/user")" != "$(readlink "/proc/$sentry/ns/user")" ] &&
	ok apart || not_ok apart "gofer and sentry share a user namespace"
is stub-in-sentry-namespace "$(readlink "/proc/$sentry/ns/pid")" "$(readlink "/proc/$stub/ns/pid")"
is stub-not-traced 0 "$(field "$stub" TracerPid)"
for t in /proc/"$stub"/task/*; do
	# The agent has the sentry's descriptors, what runs guest code none.
	[ "${t##*/}" = "$stub" ] ||
		is runner-has-no-descriptor 0 "$(ls "$t/fd" | wc -l)"
done
is gofer-threads 1 "$(ls "/proc/$gofer/task" | wc -l)"
is gofer-CapEff $reads "$(field "$gofer" CapEff)"
is gofer-filter 2 "$(field "$gofer" Seccomp)"
is gofer-no-new-privs 1 "$(field "$gofer" NoNewPrivs)"
is gofer-root-is-empty "" "$(ls -A "/proc/$gofer/root/" 2>&1)"
is launcher-has-two-children 2 "$(cat /proc/$pid/task/*/children | wc -w)"
kill -TERM "$pid"
wait "$pid"

start --platform=ptrace
check_process traced-stub "$stub" $none
is stub-traced-by "$sentry" "$(field "$(field "$stub" TracerPid)" Tgid)"
kill -TERM "$pid"
wait "$pid"

start --bind "$TMP/shared:/mnt"
is writing-gofer-CapEff $writes "$(field "$gofer" CapEff)"
is writing-sentry-CapEff $none "$(field "$sentry" CapEff)"
kill -TERM "$pid"
wait "$pid"
finish
