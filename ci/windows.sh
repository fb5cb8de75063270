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

missing() {
    ! command -v x86_64-w64-mingw32-gcc >/dev/null || ! command -v wine >/dev/null
}

if missing; then
    command -v apt-get >/dev/null || skip "no MinGW or no Wine, and no apt-get"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -qy --no-install-recommends gcc-mingw-w64-x86-64-win32 wine wine64 ||
        skip "MinGW and Wine can't be installed"
fi

CARGO_TARGET_DIR=$(realpath -m "${CARGO_TARGET_DIR:-target}")/windows
export CARGO_TARGET_DIR CARGO_INCREMENTAL=0
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc
export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=wine
build=(--target "$target")
if [[ ! -d $(rustc --print sysroot)/lib/rustlib/$target/lib ]]; then
    environment=$(ci/rust-src.sh) && eval "$environment"
    build+=(-Zbuild-std=std,panic_unwind,test)
fi

# The standard library wants this DLL, which older Wines lack.
mkdir -p "$CARGO_TARGET_DIR/wine"
wine=$(realpath "$CARGO_TARGET_DIR/wine")
printf '%s\n' '#include <windows.h>' \
    'BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);' \
    '__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length) {' \
    '    return SystemFunction036(bytes, (ULONG)length);' \
    '}' >"$wine/random.c"
x86_64-w64-mingw32-gcc -shared -O1 -o "$wine/bcryptprimitives.dll" "$wine/random.c" -ladvapi32
export WINEPREFIX=$wine/prefix WINEDEBUG=-all WINEPATH="Z:${wine//\//\\}"
# The first start makes the prefix, and complains about what tests don't need.
[[ -d $WINEPREFIX ]] || wineboot -i >/dev/null 2>&1 || skip "Wine does not start"

cargo rustc "${build[@]}" -p anymem --lib -- -D warnings
cd tests/windows
cargo test "${build[@]}" "$@"
