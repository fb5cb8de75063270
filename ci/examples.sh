#!/usr/bin/env bash
# Runs each example of std-adapters, of gpu and of preload, with the processes that it starts.
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

# The one in C, by as many processes at once as there are notes.
printf 'notes: '
cargo build --quiet --release -p anymem-preload
library=$(realpath "${CARGO_TARGET_DIR:-target}")/release
made=$(mktemp -d)
trap 'rm -r "$made"' EXIT
cc -Wall -Wextra -Werror -o "$made/notes" preload/examples/notes.c -Ipreload/include \
    -L"$library" -lanymem -Wl,-rpath,"$library"
export NOTES=notes.$$.$RANDOM
for number in {1..20}; do
    "$made/notes" add "note $number" &
    adding+=($!)
done
for adder in "${adding[@]}"; do
    wait "$adder"
done
"$made/notes" list >"$made/list"
"$made/notes" remove
tail -n 1 "$made/list"
[[ $(sort -u "$made/list" | grep -c '^note ') == 20 && $(tail -n 1 "$made/list") == '20 notes' ]]
