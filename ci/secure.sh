#!/usr/bin/env bash
# Checks hardened heaps: with the tests that there are anyway, those of what is
# found when a block is misused, and real programs but for the longest two. The kernel has
# a heap of its own.
#
#   ci/secure.sh [--quick]
#
# --quick runs those of core that stand in heaps which may be hardened, those of what is loaded
# into programs, and some of the others.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=(-p anymem-core -p anymem -p anymem-tests -p anymem-preload)
tests=
if [[ ${1:-} == --quick ]]; then
    # shellcheck disable=SC2046
    tests="--lib $(ci/programs.sh $(find core/tests -maxdepth 1 -name '*.rs' \
        ! -name 'container_*' ! -name 'memory_*' ! -name 'message_*' ! -name 'region_*') \
        core/tests/container_real_heap.rs preload/tests tests/tests/{damage,heap,hostile,model,processes,shm_alloc,threads}.rs)"
fi
cargo clippy "${packages[@]}" --features secure,anymem-core/linked-list --all-targets -- -D warnings
# shellcheck disable=SC2086
cargo test "${packages[@]}" --features secure $tests -- \
    --skip python_passes_its_own_tests --skip cargo_builds_a_crate \
    --skip processors_pass --skip memory_passes --skip machine_pass
