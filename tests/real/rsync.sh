# needs: rsync
mkdir -p src/d/e && echo one >src/one && ln src/one src/two && ln -s ../one src/d/link
head -c 300000 /dev/urandom >src/d/e/data && chmod 640 src/d/e/data
touch -d '2001-02-03 04:05:06.789 UTC' src/one && truncate -s 5M src/sparse
setfattr -n user.k -v v src/one 2>/dev/null
rsync -aHAXS src/ dst && diff -r src dst && echo same
stat -c '%a %h %Y' dst/one dst/d/e/data | cut -d' ' -f1,2; stat -c %Y dst/one; readlink dst/d/link
[ dst/one -ef dst/two ] && echo linked
echo changed >>src/d/e/data && rm src/two && rsync -aHAX --delete --itemize-changes src/ dst | cut -c1-4,12- | grep -v '\./$' | sort
rsync -aHAX --checksum --dry-run --itemize-changes src/ dst | wc -l
