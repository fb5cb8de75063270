#!/usr/bin/env bash
# Checks that the library crates build, without a warning, whatever their features: none, each
# alone, all but each, and all (--depth N: any N as well); that all are documented; that the
# oldest Rust that is said to do does; and, where there is a nightly toolchain, what needs one.
#
# Left out are the features that need other software: `jemalloc` (a C compiler; a step of its
# own) and `mpi` (ci/mpi.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
command -v jq >/dev/null || ci/debian.sh jq
depth=1
[[ ${1:-} == --depth ]] && depth=$2
target=${CARGO_TARGET_DIR:-$PWD/target}/features
# Nothing here is run.
export CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=0
metadata=$(cargo metadata --no-deps --format-version 1)

# The features of a package, but for those that are left out.
features() {
    jq -r --arg name "$1" '.packages[] | select(.name == $name) | .features | keys[]
        | select(IN("default", "nightly", "jemalloc", "mpi") | not)' <<<"$metadata"
}

# Arguments separated by commas.
list() { local IFS=, && echo "$*"; }

# Checks a package with many sets of its features.
powerset() {
    local package=$1 set all chosen i count=0
    readarray -t all < <(features "$package")
    for ((set = 0; set < 1 << ${#all[@]}; set++)); do
        chosen=()
        for i in "${!all[@]}"; do
            ((set >> i & 1)) && chosen+=("${all[i]}")
        done
        ((${#chosen[@]} <= depth || ${#chosen[@]} >= ${#all[@]} - 1)) || continue
        RUSTFLAGS=-Dwarnings cargo check --quiet --lib -p "$package" --no-default-features \
            --features "$(list "${chosen[@]}")" ||
            { echo "$package does not build with: ${chosen[*]:-no features}" >&2 && return 1; }
        count=$((count + 1))
    done
    echo "$package: $count sets of ${#all[@]} features build"
}

# Each feature stands in the crate's documentation.
documented() {
    local package=$1 source=$2 feature
    for feature in $(jq -r --arg name "$package" '.packages[] | select(.name == $name)
            | .features | keys[] | select(. != "default")' <<<"$metadata"); do
        grep -q "^//!.*\`$feature\`" "$source" ||
            { echo "$source does not say what the feature $feature is" >&2 && return 1; }
    done
}

# Runs with the oldest Rust that the packages say will do.
oldest() {
    local rust package
    rust=$(jq -r '.packages[] | select(.name == "anymem-core") | .rust_version' <<<"$metadata")
    if ! cargo "+$rust" --version >/dev/null 2>&1 &&
        ! rustup toolchain install "$rust" --profile minimal --no-self-update >/dev/null 2>&1; then
        echo "skipped: Rust $rust cannot be had here; clippy alone looks for what is newer"
        return
    fi
    # By the Rust that is used else, so that nothing but a lack of network is taken for one.
    if ! cargo fetch --quiet --locked --target "$(rustc -vV | sed -n 's/^host: //p')"; then
        echo "skipped: crates cannot be had here; clippy alone looks for what is newer"
        return
    fi
    for package in anymem-core anymem anymem-gpu anymem-mpi anymem-preload anymem-cli; do
        cargo "+$rust" check --quiet --offline -p "$package" --target-dir "$target/oldest" \
            --features "$(list $(features "$package"))"
    done
    echo "Rust $rust will do"
}

# What takes the standard library's own trait of allocators.
nightly() {
    if ! cargo +nightly --version >/dev/null 2>&1; then
        echo "skipped: no nightly toolchain, so no test of the feature nightly"
        return
    fi
    cargo +nightly test --quiet -p anymem-core -p anymem --features anymem-core/nightly,anymem/nightly \
        --test allocator_api --target-dir "$target/nightly"
}

documented anymem-core core/src/lib.rs
documented anymem std-adapters/src/lib.rs
documented anymem-gpu gpu/src/lib.rs
documented anymem-mpi mpi/src/lib.rs
# Most of a check is one thread.
{
    CARGO_TARGET_DIR=$target/core powerset anymem-core
    oldest
} &
core=$!
for package in anymem anymem-gpu anymem-mpi anymem-preload; do
    CARGO_TARGET_DIR=$target/others powerset "$package"
done
wait "$core"
nightly
rm -rf "$target"
