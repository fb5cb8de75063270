#!/usr/bin/env bash
# Makes sure that the benchmark's peers, which are C and C++, can be built, and
# builds and tests the benchmark.
set -euo pipefail
if ! command -v c++ >/dev/null || ! command -v make >/dev/null; then
    "$(dirname "$0")/debian.sh" build-essential
fi
cargo clippy -p anymem-benches --all-targets -- -D warnings
cargo test -p anymem-benches
