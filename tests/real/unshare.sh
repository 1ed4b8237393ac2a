# needs: /usr/bin/unshare /usr/bin/nsenter /usr/bin/ps
# util-linux's tools for namespaces, as an ordinary user's or root's.
unshare -Urpf --mount-proc ps -o pid= -o comm= ax | tr -s " "
echo "status $?"
unshare -Ur sh -c 'id -u; id -g; cat /proc/self/setgroups'
unshare -U sh -c 'id -u; cat /proc/self/uid_map'
unshare -Urm sh -c '
	mount -t tmpfs -o size=1m,mode=750 none /mnt && stat -c "%a %U" /mnt
	echo data >/mnt/f && mount --bind /mnt /srv && cat /srv/f
	mount -o remount,bind,ro /srv && { echo x >/srv/f; } 2>/dev/null || echo ro
	mount --make-shared /mnt && findmnt -no PROPAGATION /mnt
	mount --make-unbindable /mnt && findmnt -no PROPAGATION /mnt
	findmnt -no TARGET,FSTYPE,OPTIONS /srv | sed "s/size=[0-9k]*,//;s/,uid.*//;s/,inode64//"
	umount /srv && umount /mnt && ls -A /mnt | wc -l
'
echo "status $?"
unshare -Uru sh -c 'hostname inner && uname -n'
unshare -UrT --monotonic 1000000 --boottime 2000000 sh -c '
	test "$(cut -d. -f1 /proc/uptime)" -gt 2000000 && echo later'
echo "status $?"
unshare -Urpf --kill-child sh -c 'sleep 100 & exec sh -c "exit 5"'
echo "status $?"

# Joining the namespaces of a running process.
unshare -Urmupif sh -c 'hostname joined; mount -t tmpfs x /mnt; echo in >/mnt/f
	exec sleep 1000' >/dev/null 2>&1 &
until pid=$(pgrep -P $! -x sleep); do sleep 0.05; done
nsenter -t "$pid" -U --preserve-credentials -m -u -p \
	sh -c 'uname -n; cat /mnt/f; test $$ -lt 10 && echo low'
echo "status $?"
kill -9 "$pid"
wait 2>/dev/null
