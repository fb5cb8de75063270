#!/usr/bin/env bash
# Runs the tests under ThreadSanitizer, which needs a nightly toolchain.
#
# The standard library is not instrumented, so its own synchronisation is
# suppressed by name; what this project's code does is seen.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export RUSTFLAGS="-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer ${RUSTFLAGS:-}"
export TSAN_OPTIONS="suppressions=$here/tsan.supp:${TSAN_OPTIONS:-}"
target=$(rustc +nightly -vV | sed -n 's/^host: //p')
cargo +nightly test --target "$target" --target-dir target/tsan \
    -p anymem-core -p anymem-tests --lib --tests "$@"
