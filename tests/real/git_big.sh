# needs: git
# A tree of 3000 files: status, clone, gc, grep, a patch and its way back.
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git -c init.defaultBranch=main init -q repo && cd repo
for d in $(seq 1 30); do
	mkdir -p d$d/sub
	seq 1 100 | while read -r f; do echo "file $d $f" >d$d/sub/f$f; done
done
git add -A && git commit -qm all && git status --short | wc -l
for d in $(seq 1 30); do echo more >>d$d/sub/f$d; done
rm d1/sub/f2; echo new >d2/new
git status --short | sort | md5sum
git diff --stat | tail -1 && git add -A && git commit -qm more && git log --format=%H
cd .. && git clone -q repo copy && cd copy && git rev-parse HEAD && git ls-files | wc -l
git gc -q && git fsck --no-progress && git count-objects -v | grep -E '^(count|packs)'
git grep -l 'file 7 ' | wc -l
git format-patch -q -1 && git checkout -q HEAD~1 && git am -q 0001-more.patch && git diff HEAD main --stat | wc -l
git bundle create -q b.bundle main && git bundle verify -q b.bundle && echo bundle
