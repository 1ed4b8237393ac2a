# SPDX-License-Identifier: Apache-2.0
# moat run --overlay, moat diff, apply, discard: on a root directory of our own.
. "$(dirname "$0")/lib.sh.inc"

command -v busybox >/dev/null || { echo "busybox is not installed"; exit 77; }
R=$TMP/root O=$TMP/o
mkdir -p $R/bin $R/etc $R/data/old/deep $R/tmp $R/proc $R/dev $R/sys
cp "$(command -v busybox)" $R/bin/busybox
ln -s busybox $R/bin/sh
echo one >$R/etc/a
echo two >$R/etc/b
echo three >$R/data/old/deep/c
ln $R/etc/a $R/etc/a2
chmod 755 $R

inside() { $MOAT run --rootfs $R --cwd / --overlay $O -- /bin/busybox sh -c "$1"; }
# shows NAME WANT GOT
same() { [ "$2" = "$3" ] && ok "$1" || not_ok "$1" "not '$2' but: $3"; }

same first "two" "$(inside 'echo more >>/etc/a; busybox cat /etc/b; echo new >/etc/n
	busybox rm /etc/b; busybox mkdir /fresh; echo x >/fresh/x; busybox ln -s n /etc/l')"
same kept "one more 1 new n" "$(inside 'busybox cat /etc/a; [ -e /etc/b ] || echo 1
	busybox cat /etc/l; busybox readlink /etc/l' | tr '\n' ' ' | sed 's/ $//')"
same host-untouched "one two" "$(echo $(cat $R/etc/a $R/etc/b))"
same stable-ino "same" "$(inside 'a=$(busybox stat -c %i /etc/a)
	[ "$(busybox ls -i /etc | busybox awk "\$2==\"a\"{print \$1}")" = $a ] && echo same')"
same rename-dir "three" "$(inside 'busybox mv /data/old /data/moved; [ -e /data/old ] && echo bad
	busybox cat /data/moved/deep/c')"
same rename-dir-kept "three four" "$(inside 'echo four >/data/moved/deep/d
	echo $(busybox cat /data/moved/deep/c /data/moved/deep/d)')"
same dir-over-whiteout "5" "$(inside 'busybox rm -r /data/moved/deep; busybox mkdir /data/moved/deep
	busybox ls /data/moved/deep; echo 5')"
same replace "6 b" "$(inside 'echo 6 >/etc/t; busybox mv /etc/t /etc/b; busybox cat /etc/b
	cd /etc; for f in b; do [ -e $f ] && echo $f; done' | tr '\n' ' ' | sed 's/ $//')"
same rmdir-covered "gone" "$(inside 'busybox rm -r /data/moved; busybox rmdir /data; [ -e /data ] || echo gone')"

want="A etc/l
A etc/n
A fresh/
A fresh/x
D data/
M etc/a
M etc/b"
same diff "$want" "$($MOAT diff $O | awk '{print $1, ($1 == "A" && $0 ~ /->/) ? $(NF-2) : $NF}' | sort)"
same patch "+more" "$($MOAT diff --patch $O etc/a | grep '^+[^+]')"
expect diff-other 0 '' $MOAT diff $O nothing
expect apply-nothing 1 'nothing was changed at' $MOAT apply $O nothing
expect apply-one 0 '' $MOAT apply $O etc/n
same applied new "$(cat $R/etc/n)"
same applied-gone "" "$($MOAT diff $O etc/n)"
expect apply-all 0 '' $MOAT apply $O
same applied-all "one more 6 n x" "$(echo $(cat $R/etc/a $R/etc/b) $(readlink $R/etc/l) $(cat $R/fresh/x))"
[ -e $R/data ] && not_ok applied-delete "data is still there" || ok applied-delete
same hard-link-broken one "$(cat $R/etc/a2)"
same empty "" "$($MOAT diff $O)"
ls -A $R | grep -q moat && not_ok no-rest "$(ls -A $R)" || ok no-rest

# A renamed directory is renamed on the host, and only its changes are copied.
mkdir -p $R/lib/sub
echo 1 >$R/lib/sub/one
ino=$(stat -c %i $R/lib/sub/one)
inside 'busybox mv /lib /usr; echo 2 >/usr/sub/two; busybox mkdir /lib; echo n >/lib/n'
same diff-rename "A lib/ A lib/n A usr/sub/two R usr/" \
	"$($MOAT diff $O | awk '{print $1, $NF}' | sed 's/^M lib/A lib/' | sort | tr '\n' ' ' | sed 's/ $//')"
expect apply-rename 0 '' $MOAT apply $O
same applied-rename "$ino 1 2 n" "$(stat -c %i $R/usr/sub/one) $(echo $(cat $R/usr/sub/* $R/lib/n))"

# What a program in the sandbox may try against those who look at it later.
echo topsecret >$TMP/secret
inside "busybox ln -s $TMP/secret /etc/evil; busybox mkfifo /etc/fifo
	busybox ln -s $TMP /away; busybox touch \"\$(printf '/etc/\\033[2Jx')\""
$MOAT diff --patch $O | grep -q topsecret && not_ok no-follow "read through a link" || ok no-follow
$MOAT diff $O | grep -q "$(printf '\033')" && not_ok no-escape "raw control" || ok no-escape
rm -rf $O/upper/x; mkdir $O/upper/x; ln -sfn $TMP $R/x
expect apply-through-link 0 '' $MOAT apply $O
[ -L $R/x ] && not_ok link-replaced "a link became part of a path" || ok link-replaced

inside 'echo 1 >/s; busybox chmod 4755 /s'
expect setid 1 's has a set-id bit; see --allow-setid' $MOAT apply $O
expect setid-allowed 0 '' $MOAT apply --allow-setid $O

( flock -n 9 && expect locked 125 'in use by another moat' $MOAT run --rootfs $R --overlay $O -- /bin/sh -c : ) 9<$O
expect other-root 125 'is of the root directory' $MOAT run --overlay $O -- /bin/true
mkdir $TMP/full; touch $TMP/full/x
expect not-empty 125 'neither empty nor' $MOAT run --rootfs $R --overlay $TMP/full -- /bin/sh -c :
expect not-ours 1 "was not made by" $MOAT diff $TMP/full
expect no-dir 2 'no overlay directory given' $MOAT diff
expect no-such 1 'cannot open' $MOAT diff $TMP/nothing
expect discard 0 '' $MOAT discard $O
[ -e $O ] && not_ok discarded "still there" || ok discarded

# A crash in the midst leaves whole files, and the next run goes on.
mkdir -p $R/big
i=0; while [ $i -lt 200 ]; do head -c 20000 /dev/zero | tr '\0' "$((i % 10))" >$R/big/$i; i=$((i+1)); done
(exec $MOAT run --rootfs $R --cwd / --overlay $O -- /bin/sh -c \
	'for f in /big/*; do echo tail >>$f; done; busybox sleep 100') &
soon 20 test -e $O/upper/big/20 && kill -9 $!
wait 2>/dev/null
soon 10 sh -c "exec 9<$O; flock -n 9"
bad=0
for f in $O/upper/big/*; do
	s=$(stat -c %s $f); [ $s = 20000 ] || [ $s = 20005 ] || bad=$f:$s
done
same crash-whole 0 "$bad"
same crash-goes-on "ok 0" "$(inside 'echo ok; busybox ls -A / | busybox grep -c "#"' | tr '\n' ' ' | sed 's/ $//')"
same work-empty "" "$(ls -A $O/work)"
expect discard-2 0 '' $MOAT discard $O

same bind-overlay "9 one" "$($MOAT run --rootfs $R --cwd / --bind $R/etc:/tmp:overlay -- /bin/busybox sh -c 'echo 9 >/tmp/a; busybox cat /tmp/a /etc/a2' | tr '\n' ' ' | sed 's/ $//')"
finish
