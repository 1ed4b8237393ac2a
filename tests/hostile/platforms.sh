# SPDX-License-Identifier: Apache-2.0
# Which platforms there are, which one is taken, and what is said about the
# others.
. "$(dirname "$0")/lib.sh.inc"

out=$("$MOAT" platforms 2>&1)
status=$?
[ $status = 0 ] && ok "moat platforms" ||
	not_ok "moat platforms" "status $status: $out"
for p in kvm trap ptrace; do
	printf '%s\n' "$out" | grep -q "^$p " && ok "lists $p" ||
		not_ok "lists $p" "$out"
done
[ "$(printf '%s\n' "$out" | grep -c 'auto takes it')" = 1 ] &&
	ok "auto takes one" || not_ok "auto takes one" "$out"
# The figure is that of a call: no platform works without one.
if printf '%s\n' "$out" | grep -q "fails when it is tried"; then
	not_ok "all that work can be measured" "$out"
else
	ok "all that work can be measured"
fi
expect "help of platforms" 0 "^usage: moat platforms" "$MOAT" platforms --help
expect "platforms takes nothing" 125 "^usage" "$MOAT" platforms x
expect "auto says which" 0 "platform (kvm|trap|ptrace)" \
	"$MOAT" run --log-level=info -- true

if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then
	expect "kvm runs" 0 "^in a machine$" "$MOAT" run --platform=kvm -- \
		echo "in a machine"
	# What happens on hosts without the device, and for users without rights.
	if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
		expect "no device" 125 "^moat: platform kvm does not work here: there is no /dev/kvm" \
			unshare -m sh -c 'mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && "$0" run --platform=kvm -- true' "$MOAT"
		expect "not a device of KVM" 125 "^moat: platform kvm does not work here: " \
			unshare -m sh -c 'mount --bind /dev/null /dev/kvm && "$0" run --platform=kvm -- true' "$MOAT"
		expect "auto goes on" 0 "^went on$" \
			unshare -m sh -c 'mount --bind /dev/null /dev/kvm && "$0" run -- echo went on' "$MOAT"
	fi
else
	expect "kvm is not there" 125 "^moat: platform kvm does not work here: (there is no /dev/kvm|no permission)" \
		"$MOAT" run --platform=kvm -- true
	expect "the list says so" 0 "does not work here: (there is no /dev/kvm|no permission)" \
		"$MOAT" platforms
fi
finish
