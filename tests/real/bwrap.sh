# needs: /usr/bin/bwrap /usr/bin/python3
# bubblewrap: namespaces, bind mounts and capabilities at once.  Its own network
# (--unshare-net) needs netlink, which is not there yet.
bwrap --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp --unshare-user \
	--unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try \
	--die-with-parent sh -c '
	echo pid $$
	touch /usr/x 2>/dev/null || echo read-only
	echo hi >/tmp/f && cat /tmp/f
	ls /proc >/tmp/ids; grep -c "^[0-9]" /tmp/ids
	ls /dev | sort | head -5
'
echo "status $?"
bwrap --ro-bind /usr /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
	--symlink usr/bin /bin --tmpfs /home --dir /home/me --chdir /home/me \
	--setenv HOME /home/me --unshare-pid --uid 1000 --gid 1000 \
	--unshare-user --hostname inside --unshare-uts \
	sh -c 'id -u; id -g; pwd; ls /; uname -n; grep NoNewPrivs /proc/self/status 2>/dev/null; exit 3'
echo "status $?"
bwrap --ro-bind / / --cap-drop ALL sh -c 'cat /etc/hostname >/dev/null; echo ok'
echo "status $?"

# A program that keeps its child from making sockets, by a filter from outside.
/usr/bin/python3 - >filter.bpf <<'P'
import struct, sys
BPF = [(0x20, 0, 0, 0), (0x15, 0, 1, 41), (0x06, 0, 0, 0x0005000d),
       (0x06, 0, 0, 0x7fff0000)]
for code, jt, jf, k in BPF:
    sys.stdout.buffer.write(struct.pack("HBBI", code, jt, jf, k))
P
bwrap --ro-bind / / --dev /dev --seccomp 9 /usr/bin/python3 -c '
import socket
try:
    socket.socket()
    print("a socket")
except OSError as e:
    print(e)
' 9<filter.bpf
echo "status $?"
