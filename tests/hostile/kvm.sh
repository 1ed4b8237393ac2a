# SPDX-License-Identifier: Apache-2.0
# Every instruction that a program may not execute, descriptor tables, jumps
# and stacks where no address is, ports: the same signal as natively, on each
# platform.
. "$(dirname "$0")/lib.sh.inc"

guest="$BUILD/tests/hostile/machine_guest"
# Not natively: there the 32-bit ABI may exist.
"$guest" "int 80" >"$TMP/native" 2>&1 || {
	not_ok native "$(tail -1 "$TMP/native")"
	exit 0
}

# What a platform cannot show is taken out of both sides.
#   kvm     the emulation of some hosts carries out the iret before it faults
#   trap    a program can load the selector that the stub uses
#   ptrace  the host does not tell error codes, nor takes kernel addresses as
#           segment bases
shown() {
	case $1 in
	kvm) sed -E '/^iret to hole/s/rip [^ ]*//' ;;
	trap) sed -E '/^mov es ldt/d; s/^(int 4: .*) trap .*/\1/' ;;
	ptrace) sed -E 's/ trap .*//' ;;
	esac
}

for p in kvm trap ptrace; do
	skip=()
	[ $p = ptrace ] && skip=("wrgsbase kernel; read gs"
		"wrgsbase top; call; rdgsbase; cmp; hlt")
	"$MOAT" run --platform=$p -- true 2>"$TMP/err" || {
		echo "# $p: $(cat "$TMP/err")"
		continue
	}
	timeout 100 "$MOAT" run --platform=$p -- "$guest" "int 80" \
		"${skip[@]}" >"$TMP/$p" 2>&1
	"$guest" "int 80" "${skip[@]}" >"$TMP/native" 2>&1
	if diff <(shown $p <"$TMP/native") <(shown $p <"$TMP/$p") >"$TMP/diff"; then
		ok "$p gives the signals of Linux"
	else
		not_ok "$p gives the signals of Linux" "$(head -20 "$TMP/diff")"
	fi
	# There is no 32-bit ABI inside.
	out=$(timeout 100 "$MOAT" run --platform=$p -- "$guest" 2>&1 |
		grep "^int 80:")
	case $out in
	*"signal 11 code 128 addr 0 rip code+5 trap 13 error 402"*)
		ok "$p refuses int 80" ;;
	*)
		[ $p = ptrace ] && [ -z "$out" ] ||
			not_ok "$p refuses int 80" "$out" ;;
	esac
done
finish
