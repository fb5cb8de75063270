#!/usr/bin/env bash
# Checks hardened heaps: with the tests that there are anyway, those of what is
# found when a block is misused, and real programs but for the longest two. The kernel has
# a heap of its own.
set -euo pipefail
packages=(-p anymem-core -p anymem -p anymem-tests -p anymem-preload)
cargo clippy "${packages[@]}" --features secure,anymem-core/linked-list --all-targets -- -D warnings
cargo test "${packages[@]}" --features secure -- \
    --skip python_passes_its_own_tests --skip cargo_builds_a_crate \
    --skip processors_pass --skip memory_passes --skip machine_pass
