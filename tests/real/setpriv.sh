# needs: /usr/bin/setpriv
# Identities and capabilities as tools of the system handle them.
if [ "$(id -u)" = 0 ]; then
	setpriv --reuid 1234 --regid 1235 --groups 20,30 --dump | grep -v apparmor
	setpriv --reuid 1234 --regid 1235 --clear-groups --no-new-privs \
		sh -c 'id; grep -E "^(Cap[^B]|NoNew)" /proc/self/status'
	setpriv --reuid 1234 --clear-groups --inh-caps +kill,+chown \
		--ambient-caps +kill,+chown --bounding-set -all,+kill,+chown \
		grep -E ^Cap /proc/self/status
	setpriv --securebits +noroot,+noroot_locked \
		sh -c 'grep -E "^Cap(Eff|Prm)" /proc/self/status'
fi
setpriv --no-new-privs --dump | grep -E '^(uid|euid|no_new_privs)'
setpriv --pdeathsig KILL true
echo "status $?"
