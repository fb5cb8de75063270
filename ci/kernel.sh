#!/usr/bin/env bash
# Boots the kernel of tests/kernel in QEMU, where it tests itself, on three machines.
# Needs Debian on x86-64, where QEMU is installed if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
ci/debian.sh qemu-system-x86
(
    # A package of its own, which the workspace's checks leave out. Its test builds it in
    # the same place.
    target=$(realpath -m "${CARGO_TARGET_DIR:-target}")/tmp/kernel
    cd tests/kernel
    cargo fmt --check
    cargo clippy --release --target-dir "$target" -- -D warnings
)
ANYMEM_TEST_REQUIRE=qemu cargo test -p anymem-tests --test kernel -- --nocapture --test-threads 1
