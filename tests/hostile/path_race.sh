# SPDX-License-Identifier: Apache-2.0
# Somebody on the host changes a bind under the gofer's feet: links that are
# swapped for directories, parents that are renamed, FIFOs and links out of the
# tree.  The sandbox must never see what is outside, and never wait for it.
. "$(dirname "$0")/lib.sh.inc"

mkdir -p "$TMP/tree/dir" "$TMP/outside" "$TMP/at"
chmod -R 0777 "$TMP/tree"
echo SECRET >"$TMP/outside/file"
echo inside >"$TMP/tree/dir/file"
ln -s "$TMP/outside" "$TMP/tree/link"
ln -s ../outside "$TMP/tree/up"
ln -s / "$TMP/tree/root"
mkfifo "$TMP/tree/fifo"

guest() {
	timeout 200 $MOAT run --bind "$TMP/tree:$TMP/at" --tmpfs "$TMP/outside" "$@"
}

# A directory that is a link out of the tree every other moment.
(
	while [ ! -e "$TMP/tree/stop" ]; do
		mv -T "$TMP/tree/dir" "$TMP/tree/real" 2>/dev/null
		ln -sfn "$TMP/outside" "$TMP/tree/dir" 2>/dev/null
		rm -f "$TMP/tree/dir" 2>/dev/null
		mv -T "$TMP/tree/real" "$TMP/tree/dir" 2>/dev/null
	done
) &
swapper=$!
out=$(guest -- sh -c "
	cd '$TMP/at'
	i=0
	while [ \$i -lt 150 ]; do
		cat dir/file dir/../dir/file 2>/dev/null
		echo overwritten 2>/dev/null >dir/new\$i
		i=\$((i + 1))
	done | sort -u
	: >stop" 2>/dev/null)
touch "$TMP/tree/stop"
wait $swapper
case $out in
*SECRET*) not_ok swapped-links "read what is outside" ;;
*inside*) ok swapped-links ;;
*) not_ok swapped-links "read nothing: $out" ;;
esac
[ "$(ls "$TMP/outside")" = file ] && ok nothing-made-outside ||
	not_ok nothing-made-outside "$(ls "$TMP/outside")"

# A parent that moves out of the tree: ".." must not lead on.
mkdir -p "$TMP/tree/p/q" "$TMP/outside2"
echo SECRET >"$TMP/outside2/file"
(
	soon 10 test -e "$TMP/tree/p/q/here" && mv "$TMP/tree/p/q" "$TMP/outside2/"
) &
expect parent-moves 0 '^done$' guest -- sh -c "
	cd '$TMP/at/p/q' && : >here
	i=0
	while [ \$i -lt 300 ]; do
		cat ../file 2>/dev/null | grep SECRET
		cat '$TMP/at/p/q/../file' 2>/dev/null | grep SECRET
		i=\$((i + 1))
	done
	echo done"
wait

expect links-stay-inside 0 '^kept$' guest -- sh -c "
	cd '$TMP/at'
	for l in link up root; do
		cat \$l/file \$l$TMP/outside/file 2>/dev/null | grep SECRET && exit 1
	done
	echo kept"

# An open of a FIFO is the sandbox's own; the gofer serves on meanwhile.
expect fifo-blocks-nobody 0 '^through$' guest -- sh -c "
	cd '$TMP/at'
	cat fifo >got & pid=\$!
	cat dir/file >/dev/null || cat real/file >/dev/null
	ls -l . >/dev/null && stat fifo >/dev/null || exit 1
	echo through >fifo
	wait \$pid
	cat got"
if [ "$(id -u)" = 0 ] && mknod "$TMP/tree/dev" c 4 64 2>/dev/null; then
	expect devices-are-not-the-hosts 0 '^refused$' guest -- sh -c "
		cat '$TMP/at/dev' 2>/dev/null || echo refused"
	rm -f "$TMP/tree/dev"
fi
finish
