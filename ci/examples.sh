#!/usr/bin/env bash
# Runs each example of std-adapters and of gpu, with the processes that it starts.
set -euo pipefail
cd "$(dirname "$0")/.."
for example in std-adapters/examples/*.rs; do
    name=$(basename "$example" .rs)
    printf '%s: ' "$name"
    cargo run --quiet -p anymem --example "$name"
done
for example in gpu/examples/*.rs; do
    name=$(basename "$example" .rs)
    printf '%s: ' "$name"
    cargo run --quiet -p anymem-gpu --features sim --example "$name"
done
