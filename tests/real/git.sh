# needs: git
# quick
# git: commit, branch, merge, rebase, clone (a pack over a pipe), gc, hooks, archive.
export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@b.c GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@b.c
export GIT_AUTHOR_DATE='1700000000 +0000' GIT_COMMITTER_DATE='1700000000 +0000' GIT_PAGER=cat
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q -b main repo
cd repo
git config pack.threads 2
for i in 1 2 3 4 5 6 7 8; do
    mkdir -p "d$i"
    cp /usr/include/linux/a*.h "d$i"
    seq "$((i * 1000))" >"d$i/numbers"
    git add .
    git commit -q -m "commit $i"
done
git log --format='%H %s'
git checkout -q -b side HEAD~3
echo side >side && git add side && git commit -q -m side
printf '#!/bin/sh\necho hook\n' >.git/hooks/pre-commit && chmod +x .git/hooks/pre-commit
echo more >>side && git commit -q -a -m more
git checkout -q main
git merge -q -m merge side
git rebase -q side 2>&1 | tail -n 1
git log --oneline --graph | head -n 20
git blame -s d1/numbers | head -n 3
git grep -c define -- 'd1/*.h' | head -n 3
cd ..
git clone -q "file://$PWD/repo" clone
git -C clone gc -q --prune=now
git -C clone fsck --no-progress
git -C clone repack -a -d -q --depth=50 --window=50
git -C clone count-objects -v | grep -E 'count|in-pack'
git -C repo archive --format=tar HEAD | sha256sum
git -C clone diff --stat HEAD~2 | tail -n 1
# packs of several threads differ from run to run
rm -rf repo/.git clone/.git
