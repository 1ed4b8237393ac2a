# SPDX-License-Identifier: Apache-2.0
# What a cached file costs the sentry: at most 400 bytes, on average over a tree
# that was walked with stat (a tenth more for how the allocator happens to be).
. "$(dirname "$0")/lib.sh.inc"

command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
if ldd $MOAT | grep -Eq 'libasan|libtsan|libubsan' ||
	grep -Eqa '__asan_init|__tsan_init' $MOAT; then
	echo "a sanitizer's memory tells nothing"
	exit 77
fi
NR=20000
T=$TMP/tree
python3 - $T $NR <<'P'
import os, sys
top, nr = sys.argv[1], int(sys.argv[2])
for d in range(nr // 100):
    path = f"{top}/dir{d:03d}"
    os.makedirs(path)
    for f in range(100):
        open(f"{path}/file_{f:03d}.c", "w").close()
P
chmod -R a+rX $TMP
mkfifo $TMP/in $TMP/out

# KiB of the sentry's own memory
anon() { awk '/^Pss_Anon:/ { print $2 }' /proc/$1/smaps_rollup; }

$MOAT run -- sh -c "echo up; read x; find $T -size +100k; echo walked; read x" \
	<$TMP/in >$TMP/out 2>$TMP/err &
launcher=$!
exec 3>$TMP/in 4<$TMP/out
read -r word <&4
sentry=$(victim sentry $launcher)
before=$(anon $sentry)
echo go >&3
read -r word <&4
after=$(anon $sentry)
echo end >&3
exec 3>&- 4<&-
wait $launcher
each=$(((after - before) * 1024 / NR))
[ "$word" = walked ] && [ $each -gt 50 ] && [ $each -le 440 ] &&
	ok bytes-per-file || not_ok bytes-per-file "$each bytes: $(cat $TMP/err)"
finish
