# SPDX-License-Identifier: Apache-2.0
# A guest takes all there is of one kind of object: the limit is met with the
# right errno, the sandbox still works, and one SIGTERM or SIGKILL ends it
# within 2 s with nothing left.  Small limits, so that others have room.
. "$(dirname "$0")/lib.sh.inc"

guest=$(dirname "$(readlink -f "$MOAT")")/tests/hostile/exhaust_guest
[ -x "$guest" ] || guest=$(dirname "$MOAT")/tests/hostile/exhaust_guest
[ -x "$guest" ] || { not_ok guest "no $guest"; finish; }

# exhaust KIND PATTERN [OPTION...]: PATTERN for the line that the guest prints
exhaust() {
	kind=$1 pattern=$2
	shift 2
	: >"$TMP/out"
	"$MOAT" run --memory 256M --pids 300 --bind "$guest:/tmp/guest" "$@" -- \
		/tmp/guest "$kind" >"$TMP/out" 2>"$TMP/err" </dev/null &
	pid=$!
	if soon 20 grep -q ' after ' "$TMP/out"; then
		grep -Eq -- "$pattern" "$TMP/out" && ok "$kind" ||
			not_ok "$kind" "$(cat "$TMP/out")"
	else
		not_ok "$kind" "no end: $(tail -n 3 "$TMP/out"; tail -n 3 "$TMP/err")"
	fi
	all=$(tree "$pid")
	[ "$signal" = TERM ] && signal=KILL || signal=TERM
	kill -$signal "$pid"
	soon 2 none_alive $all && ok "$kind-ends-by-$signal" ||
		not_ok "$kind-ends-by-$signal" "$(ps -o pid,stat,args $all | head)"
	kill -KILL $all 2>/dev/null
	wait "$pid" 2>/dev/null
	grep -Eq 'crashed|bad access|AddressSanitizer|abort' "$TMP/err" &&
		not_ok "$kind-unharmed" "$(cat "$TMP/err")" || ok "$kind-unharmed"
}
signal=KILL
exhaust sleepers ': EAGAIN after 299$'
exhaust fork-bomb ': EAGAIN after '
exhaust threads ': EAGAIN after 299$'
exhaust zombies ': EAGAIN after 299$'
exhaust fds ': (EMFILE|ENFILE|ENOMEM) after '
exhaust pipes ': (EMFILE|ENFILE|ENOMEM|ENOBUFS) after '
exhaust sockets ': (EMFILE|ENFILE|ENOMEM|ENOBUFS) after '
exhaust eventfds ': (EMFILE|ENFILE|ENOMEM) after '
exhaust timerfds ': (EMFILE|ENFILE|ENOMEM) after '
exhaust epolls ': (EMFILE|ENFILE|ENOMEM|ENOSPC|ELOOP) after '
exhaust flights ': (EMFILE|ENFILE|ENOMEM|ETOOMANYREFS|ENOBUFS) after '
exhaust timers ': (EAGAIN|ENOMEM) after '
exhaust signals ': (EAGAIN|ENOMEM) after '
exhaust locks ': (Success|0|ENOLCK|ENOMEM) after '
exhaust watches ': (ENOSPC|ENOMEM) after '
exhaust inodes ': (ENOSPC|ENOMEM) after '
exhaust symlinks ': (ENOSPC|ENOMEM) after '
exhaust xattrs ': (ENOSPC|ENOMEM) after '
exhaust file-data ': (ENOSPC|ENOMEM) after '
exhaust maps ': ENOMEM after '
exhaust maps-and-forks ': (EAGAIN|ENOMEM) after '
exhaust memory ': ENOMEM after '
exhaust touch '^touch: .* after 1$'
grep -q '^child signal 9' "$TMP/out" && ok touch-killed ||
	not_ok touch-killed "$(cat "$TMP/out")"
[ "$(id -u)" = 0 ] && exhaust mounts ': (ENOSPC|ENOMEM) after '
finish
