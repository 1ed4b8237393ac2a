# SPDX-License-Identifier: Apache-2.0
# Set-user-ID programs inside: they give the rights they give outside, but not
# with --no-suid.  (The file is made in the sandbox: only root can.)
. "$(dirname "$0")/lib.sh.inc"

if [ "$(id -u)" != 0 ]; then
	echo "needs root"
	exit 77
fi
run() {
	"$MOAT" run "$@" -- sh -c '
		cp /usr/bin/id /tmp/suid-id && chmod 4755 /tmp/suid-id
		setpriv --reuid 1234 --regid 1234 --clear-groups /tmp/suid-id
		grep NoNewPrivs /proc/self/status'
}
expect suid-has-effect 0 'uid=1234 .*euid=0' run
expect no-suid 0 'uid=1234(\([a-z]*\))? gid=1234(\([a-z]*\))? groups=' run --no-suid
expect no-suid-shows 0 'NoNewPrivs:.1' run --no-suid
expect no-suid-takes-no-value 125 'does not accept' "$MOAT" run --no-suid=1 -- true
if run --no-suid 2>&1 | grep -q euid=; then
	not_ok no-suid-is-no-euid "euid was set"
else
	ok no-suid-is-no-euid
fi
finish
