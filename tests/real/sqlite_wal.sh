# needs: sqlite3
# Write-ahead log, four writers at once, a reader, a killed writer, integrity.
sqlite3 db 'pragma journal_mode=wal; create table t (a integer primary key, w int, b text);'
ls db-wal >/dev/null 2>&1; echo "wal left $?"
for w in 1 2 3 4; do
	(for i in $(seq 1 15); do
		sqlite3 -cmd '.timeout 20000' db "begin immediate; insert into t (w, b) values ($w, hex(randomblob(200))); commit;"
	done) &
done
for i in 1 2 3; do
	sqlite3 -cmd '.timeout 20000' db 'select count(*) >= 0 from t'
done
wait
sqlite3 db 'select w, count(*) from t group by w; pragma integrity_check;'
mkfifo in
sqlite3 db <in >/dev/null &
exec 3>in
echo "begin; insert into t (w, b) values (9, 'never');" >&3
kill -9 $!; wait $! 2>/dev/null; exec 3>&-
sqlite3 -cmd '.timeout 5000' db 'select count(*) from t where w = 9; pragma integrity_check; pragma wal_checkpoint(truncate);'
sqlite3 db 'pragma mmap_size=10000000; select count(*), length(max(b)) from t; vacuum; pragma journal_mode=delete;' | tail -2
sqlite3 db 'update t set b = zeroblob(5000); select sum(length(b)) from t; pragma integrity_check'
ls
