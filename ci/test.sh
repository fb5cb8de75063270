#!/usr/bin/env bash
# Runs all tests, with those of jemalloc's pool, which is built with a C compiler and make, of
# Argobots's threads, and, unless told which tests to run, the models of core's protocols
# (ci/models.sh) and the tests of ranks with each MPI (ci/mpi.sh).
# The last line counts them, and how often one was skipped, in whole or in part, because
# this machine lacks something: such a test counts as passed.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp) ranks=$(mktemp)
trap 'rm -f "$log" "$ranks"' EXIT
ci/packages.sh
ci/gpu-libraries.sh
run() {
    cargo test "$@" &&
        cargo test -p anymem --features jemalloc,argobots --test pool_jemalloc \
            --test pool_jemalloc_hooks --test argobots_stand_in --test argobots_library
}
failed=0
run "$@" 2>&1 | tee "$log" || failed=1
if (($# == 0)); then
    ci/models.sh 2>&1 | tee -a "$log" || failed=1
    # 77: there is no MPI, which its last line tells as well.
    ci/mpi.sh 2>&1 | tee "$ranks" || [[ ${PIPESTATUS[0]} == 77 ]] || failed=1
    tail -n 2 "$ranks" | grep '^mpi: ' >>"$log" || failed=1
fi
awk '{ skipped += gsub(/skipped: /, "") }
    /^test result:/ { passed += $4; failed += $6 }
    /^mpi: / { passed += $2; failed += $4; skipped += $6 }
    END { printf "tests: %d passed, %d failed; skipped %d times\n", passed, failed, skipped }
' "$log"
exit "$failed"
