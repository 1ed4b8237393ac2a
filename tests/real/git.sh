# needs: git
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git -c init.defaultBranch=main init -q repo && cd repo
for i in 1 2 3; do echo $i >file$i; mkdir -p d/$i; echo x >d/$i/y; done
git add -A && git commit -q -m first && git log --oneline --stat
echo more >>file1 && git mv file2 file9 && git commit -q -am second
git log --oneline && git status --short && git diff HEAD~1 --stat && git fsck 2>&1
git gc -q && git count-objects
git checkout -q -b other HEAD~1 && git merge -q main && ls
