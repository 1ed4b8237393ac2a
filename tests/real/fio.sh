# needs: fio
# Each way of doing input and output, with what was written read back.
for engine in sync psync pvsync pvsync2 mmap posixaio; do
	fio --name=t --filename=f --size=4M --bs=4k --rw=randrw --ioengine=$engine \
		--verify=crc32c --do_verify=1 --verify_fatal=1 --randseed=7 --iodepth=4 \
		--output=log >/dev/null 2>&1
	echo "$engine $?"; rm -f f
done
fio --name=many --size=1M --bs=16k --rw=write --numjobs=4 --verify=md5 --verify_fatal=1 --group_reporting --output=log >/dev/null 2>&1
echo "jobs $?"
fio --name=threads --thread --size=1M --bs=8k --rw=randwrite --numjobs=4 --verify=sha1 --fsync=16 --verify_fatal=1 --output=log >/dev/null 2>&1
echo "threads $?"
ls | wc -l
