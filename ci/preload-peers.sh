#!/usr/bin/env bash
# Provides what `compare -- preload` measures beside anymem: the peers as shared
# libraries, from Debian and, built here, from the sources that cargo has fetched
# for the benchmark; anymem itself, hardened; and the real programs that run on
# them.
set -euo pipefail
cd "$(dirname "$0")/.."

ci/debian.sh build-essential jq libmimalloc2.0 libjemalloc2 libtcmalloc-minimal4 \
    libtbbmalloc2 python3 perl sqlite3 redis-server

target=${CARGO_TARGET_DIR:-target}
peers=$target/peers
mkdir -p "$peers"

# The sources of package $1.
sources() {
    cargo metadata --format-version 1 --locked |
        jq -r --arg name "$1" '.packages[] | select(.name == $name).manifest_path | rtrimstr("/Cargo.toml")'
}

# Each with the flags that its own build gives the library meant for preloading.
common=(-O3 -DNDEBUG -fPIC -shared -fvisibility=hidden -fomit-frame-pointer
    -ftls-model=initial-exec -pthread)

at=$(sources snmalloc-sys)/upstream
c++ "${common[@]}" -std=c++20 -mcx16 -ffunction-sections -static-libstdc++ \
    -DSNMALLOC_USE_WAIT_ON_ADDRESS=1 -DSNMALLOC_USE_CXX11_THREAD_ATEXIT_DIRECT \
    -DSNMALLOC_CHECK_LOADS=false -DSNMALLOC_PAGEID=false \
    -DSNMALLOC_EXPORT='__attribute__((visibility("default")))' -I"$at/src" \
    "$at/src/snmalloc/override/malloc.cc" "$at/src/snmalloc/override/new.cc" \
    -o "$peers/libsnmalloc.so"

at=$(sources rpmalloc-sys)/rpmalloc/rpmalloc
cc "${common[@]}" -std=c11 -w -D_GNU_SOURCE=1 -DENABLE_PRELOAD=1 -DENABLE_OVERRIDE=1 \
    "$at/rpmalloc.c" -o "$peers/librpmalloc.so"

at=$(sources libmimalloc-sys)/c_src/mimalloc/v3
cc "${common[@]}" -std=c11 -w -fno-builtin-malloc -DMI_SHARED_LIB -DMI_SHARED_LIB_EXPORT \
    -DMI_MALLOC_OVERRIDE -I"$at/include" "$at/src/static.c" -o "$peers/libmimalloc3.so"

# Elsewhere, for the library without the feature has the same name.
cargo build --release -p anymem-preload --features secure --target-dir "$target/secure"
cp "$target/secure/release/libanymem.so" "$peers/libanymem-secure.so"
