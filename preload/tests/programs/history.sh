#!/usr/bin/env bash
# Makes a repository with some history, clones it, packs it and looks at it.
set -euo pipefail
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
git() { /usr/bin/git -c gc.auto=0 -c init.defaultBranch=main "$@"; }

git init -q first
cd first
for round in $(seq 12); do
    for file in $(seq 40); do
        mkdir -p "part$((file % 7))"
        seq "$round" "$((round * file + 50))" >"part$((file % 7))/file$file"
    done
    git add --all
    git commit -qm "Round $round"
done
git checkout -q -b other HEAD~4
echo other >other
git add other
git commit -qm Other
git merge -q --no-edit main
cd ..
git clone -q --no-local first second
cd second
git gc -q --aggressive --prune=now
git fsck --full --no-progress
git log --stat --format='%H %s'
git diff HEAD~5 | sha256sum
git blame part1/file1 | tail -3
git rev-list --objects --all | wc -l
git archive HEAD | sha256sum
