#!/usr/bin/env bash
# Makes sure that the benchmark's peers, which are C and C++, can be built, and
# builds and tests the benchmark.
set -euo pipefail
if ! command -v c++ >/dev/null || ! command -v make >/dev/null; then
    apt-get update -q
    apt-get install -y --no-install-recommends build-essential
fi
cargo clippy -p anymem-benches --all-targets -- -D warnings
cargo test -p anymem-benches
