#!/usr/bin/env bash
# Checks hardened heaps: with the tests that there are anyway, those of what is
# found when a block is misused, and real programs but for the longest two. The kernel has
# a heap of its own.
#
#   ci/secure.sh [--quick]      core, what is loaded into programs, and some of the others
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(-p anymem-core -p anymem -p anymem-tests -p anymem-preload)
tests=
if [[ ${1:-} == --quick ]]; then
    tests="--lib $(ci/programs.sh core/tests preload/tests \
        tests/tests/{damage,heap,hostile,model,processes,shm_alloc,threads}.rs)"
fi
cargo clippy "${packages[@]}" --features secure,anymem-core/linked-list --all-targets -- -D warnings
# shellcheck disable=SC2086
cargo test "${packages[@]}" --features secure $tests -- \
    --skip python_passes_its_own_tests --skip cargo_builds_a_crate \
    --skip processors_pass --skip memory_passes --skip machine_pass
