#!/usr/bin/env bash
# Runs all tests, with those of jemalloc's pool, which is built with a C compiler and make.
# The last line counts them, and how often one was skipped, in whole or in part, because
# this machine lacks something: such a test counts as passed.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
ci/packages.sh
run() {
    cargo test "$@" &&
        cargo test -p anymem --features jemalloc --test pool_jemalloc --test pool_jemalloc_hooks
}
failed=0
run "$@" 2>&1 | tee "$log" || failed=1
awk '{ skipped += gsub(/skipped: /, "") }
    /^test result:/ { passed += $4; failed += $6 }
    END { printf "tests: %d passed, %d failed; skipped %d times\n", passed, failed, skipped }
' "$log"
exit "$failed"
