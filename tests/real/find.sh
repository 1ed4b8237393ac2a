# needs: find
# Tests and actions of find over a tree with all kinds of nodes.
umask 022
mkdir -p t/a/b/c t/empty 't/with space' && cd t
for i in $(seq 1 300); do echo $i >a/b/c/f$i; done
ln -s a link && ln -s gone dangling && mkfifo pipe && ln a/b/c/f1 hard
truncate -s 5M big && touch -d '2001-01-01 UTC' big && chmod 4755 a/b/c/f2 && touch 'with space/x y'
find . -type f | wc -l
find . -name 'f1*' -newer big | wc -l
find . ! -newer big -type f
find . -size +4M -o -perm -4000 | sort
find . -type d -empty; find . -type l -xtype l; find . -type p
find . -samefile hard | sort; find . -links +1 -type f | sort
find -L . -name f3 | sort
find . -maxdepth 1 -printf '%f %y %m\n' | sort
find . -depth -name 'c*' -prune -o -print | wc -l
find . -name 'f9*' -exec cat {} + | sort -n | tail -1
find . -print0 -name '*y' | xargs -0 -n 20 ls -d | wc -l
find . -name 'f2*' -delete; find . -name 'f*' | wc -l
find . -regex '.*/f[0-9]3' | wc -l
find . -mmin -60 -type f -user "$(id -u)" | wc -l
cd .. && rm -r t && find . | sort
