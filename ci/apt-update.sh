#!/usr/bin/env bash
# Fetches Debian's lists of packages; again where that fails, for the lock on them is one that
# apt does not wait for.
set -euo pipefail
for _ in 1 2 3; do
    apt-get update -q -o Acquire::Retries=5 && exit
    sleep 20
done
exit 1
