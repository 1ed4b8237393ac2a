# needs: tar setfattr setfacl
# A round trip with attributes, access lists, sparse files, hard links, fifos.
mkdir -p src/dir && cd src
echo a >plain && ln plain hard && ln -s plain soft && ln -s gone dangling
truncate -s 3M sparse && echo end >>sparse && mkfifo pipe
setfattr -n user.note -v hello plain; setfacl -m u:daemon:rw,g:bin:r dir plain
chmod 2750 dir; touch -d '1999-12-31 23:59:58.5 UTC' plain dir
name=$(printf 'n%.0s' $(seq 1 200)); mkdir $name && echo long >$name/$name
cd ..
tar --xattrs --acls -S --format=posix -cf a.tar src && mkdir out && tar --xattrs --acls -S -xpf a.tar -C out
diff -r --no-dereference -x pipe src out/src && echo same
cd out/src && stat -c '%n %a %F %h' plain hard soft dir pipe sparse
stat -c %y plain; getfattr -n user.note --only-values plain; echo; getfacl -cp plain dir
[ "$(du -k sparse | cut -f1)" -lt 1000 ] && echo sparse
cd ../.. && tar czf b.tgz src && tar tzf b.tgz | sort | wc -l && tar --compare -f a.tar && echo compared
