#!/usr/bin/env bash
# Boots the kernel of tests/kernel in QEMU, where it tests itself, on three machines.
# Needs Debian on x86-64, where QEMU is installed if it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v qemu-system-x86_64 >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -qy --no-install-recommends qemu-system-x86
fi
(
    # A package of its own, which the workspace's checks leave out.
    cd tests/kernel
    cargo fmt --check
    cargo clippy --release --target-dir "$(realpath -m "${CARGO_TARGET_DIR:-../../target}")/kernel" \
        -- -D warnings
)
ANYMEM_TEST_REQUIRE=qemu cargo test -p anymem-tests --test kernel -- --nocapture --test-threads 1
