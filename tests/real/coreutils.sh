umask 022
mkdir -p a/b/c && echo hi >a/b/c/f && ln -s c/f a/b/l && ln a/b/c/f a/hard
cat a/b/l && readlink a/b/l && stat -c '%F %a %h' a; stat -c '%F %a %h %s' a/b/c/f a/b/l
cp -a a copy && diff -r a copy && echo same
mv copy moved && find moved | sort && du -s --apparent-size moved | cut -f2
chmod 700 moved/b && touch -d '2001-02-03 04:05:06 UTC' moved/hard && stat -c %a moved/b && stat -c '%a %Y' moved/hard
tar cf t.tar a && tar tf t.tar | sort && mkdir x && tar xf t.tar -C x && cat x/a/hard
seq 1 20000 | sort -R | sort -n | md5sum
head -c 1000000 /dev/zero | tr '\0' a | gzip | gunzip | wc -c
dd if=/dev/zero of=big bs=4096 count=100 2>/dev/null && truncate -s 1000000 big && stat -c %s big
(sleep 0.1; echo later) & wait; echo done
for s in TERM KILL; do sleep 10 & kill -$s $!; wait $!; echo $?; done
timeout 0.1 sleep 5; echo $?
mkfifo p && (echo through >p &) && cat p
rm -r a moved x && ls
env -i A=1 sh -c 'echo $A $B'
test -t 0 || echo notty
id -u | wc -l; pwd | wc -l; uname -s; nproc | wc -l
ls -la /proc/self/fd | wc -l; cat /proc/self/comm; grep -c . /proc/self/maps | wc -l
ps -o pid= -p $$ | wc -l
xargs -n 3 echo <<X
1 2 3 4 5 6 7
X
printf 'b\na\n' | tee out | sort; cat out
yes | head -3
(cat out; echo after; head -1 out; tail -1 out) >both; cat both
