#!/usr/bin/env bash
# Runs each example of std-adapters, with the processes that it starts.
set -euo pipefail
cd "$(dirname "$0")/.."
for example in std-adapters/examples/*.rs; do
    name=$(basename "$example" .rs)
    printf '%s: ' "$name"
    cargo run --quiet -p anymem --example "$name"
done
