# needs: fio
# Written, read back and verified: random and in order, by calls and mappings,
# by several jobs at once, with holes, truncation and trims in between.
export TMPDIR=$PWD
run() {
	name=$1
	shift
	out=$(fio --name="$name" --output-format=terse --terse-version=3 --directory="$PWD" \
		--size=4m --verify=crc32c --verify_fatal=1 --do_verify=1 --verify_state_save=0 --randseed=7 "$@" 2>&1)
	echo "$name $? $(echo "$out" | grep -c -i -e verify: -e 'bad magic' -e 'error=')"
	rm -f "$name".*
}
run psync --ioengine=psync --rw=randwrite --bs=4k
run pvsync2 --ioengine=pvsync2 --rw=randwrite --bs=512-16k --bsrange=512-16k
run mmap --ioengine=mmap --rw=randwrite --bs=4k
run seq --ioengine=psync --rw=write --bs=64k --fsync=8
run fallocated --ioengine=psync --rw=randwrite --bs=4k --fallocate=posix --overwrite=1
run jobs --ioengine=psync --rw=randwrite --bs=4k --numjobs=3 --thread
run processes --ioengine=psync --rw=randwrite --bs=8k --numjobs=3
run mixed --ioengine=psync --rw=randrw --bs=4k --verify_backlog=64
ls
