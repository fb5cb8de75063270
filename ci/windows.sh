#!/usr/bin/env bash
# Builds anymem for Windows (x86_64-pc-windows-gnu), where nothing may warn, and runs
# tests/windows under Wine: with arguments, as `cargo test` takes them:
#
#   ci/windows.sh --test heaps
#
# Installs MinGW and Wine where they are missing. Says `skipped: ...` where that can't be.
set -euo pipefail
cd "$(dirname "$0")/.."
target=x86_64-pc-windows-gnu

skip() {
    echo "skipped: $1"
    exit 0
}

has() {
    command -v "$1" >/dev/null
}

# What Rust's standard library asks for random numbers; older Wines lack it.
random_library() { # directory
    cat >"$1/random.c" <<'END'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length) {
    return SystemFunction036(bytes, (ULONG)length);
}
END
    x86_64-w64-mingw32-gcc -shared -O1 -o "$1/bcryptprimitives.dll" "$1/random.c" -ladvapi32
}

{ has x86_64-w64-mingw32-gcc && has wine; } ||
    ci/debian.sh gcc-mingw-w64-x86-64-win32 wine wine64 ||
    skip "there is no MinGW or no Wine, and they can't be installed"

CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")/windows
export CARGO_TARGET_DIR CARGO_INCREMENTAL=0
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine
build=(--target "$target")
if [[ ! -d $(rustc --print sysroot)/lib/rustlib/$target/lib ]]; then
    environment=$(ci/rust-src.sh)
    eval "$environment"
    build+=(-Zbuild-std=std,panic_unwind,test)
fi

wine=$CARGO_TARGET_DIR/wine
mkdir -p "$wine"
random_library "$wine"
export WINEPREFIX=$wine/prefix WINEDEBUG=-all WINEPATH="Z:${wine//\//\\}"
# Wine gives out the same process ids in each run, and with them names of files: those of a run
# that was killed would be met. The first start makes the prefix anew, and complains about what
# tests don't need.
wineserver -k 2>/dev/null || true
# Those who used it end a moment later.
rm -rf "$WINEPREFIX" || { sleep 2 && rm -rf "$WINEPREFIX"; }
# A test that fails may leave processes behind.
trap 'wineserver -k || true' EXIT
timeout -k 10 300 wineboot -i >/dev/null 2>&1 || skip "Wine does not start"

cd tests/windows
cargo rustc "${build[@]}" -p anymem --lib -- -D warnings
# The time is for the tests alone.
cargo test "${build[@]}" --no-run "$@"
timeout -k 10 1800 cargo test "${build[@]}" "$@" </dev/null
