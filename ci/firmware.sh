#!/usr/bin/env bash
# Builds tests/firmware for bare processors, two of them without compare-exchange, and runs
# it in QEMU. Prints what code the heap takes in such an image, and fails where that is more
# than 8 KiB, or where the image holds the heap's array instead of just making room for it.
#
# Time there is counted in instructions, so interrupts come at the same ones in each run.
# Two minutes on two processors, most of it for building the library (ci/rust-src.sh).
set -euo pipefail
cd "$(dirname "$0")/.."
most_code=8192 most_data=256

# target, and the machine that runs it
machines=(
    "thumbv7m-none-eabi qemu-system-arm -M lm3s6965evb"
    "thumbv6m-none-eabi qemu-system-arm -M lm3s6965evb"
    "aarch64-unknown-none-softfloat qemu-system-aarch64 -M virt,gic-version=2 -cpu cortex-a72"
    "riscv32imac-unknown-none-elf qemu-system-riscv32 -M virt -bios none"
    "riscv32i-unknown-none-elf qemu-system-riscv32 -M virt -bios none -cpu rv32,m=off,a=off,c=off,f=off,d=off"
)

if ! ci/debian.sh binutils qemu-system-arm qemu-system-misc; then
    echo "skipped: packages for it cannot be installed here"
    exit
fi

environment=$(ci/rust-src.sh)
eval "$environment"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/firmware CARGO_INCREMENTAL=0
targets=()
for machine in "${machines[@]}"; do
    targets+=(--target "${machine%% *}")
done
cargo build --release --manifest-path tests/firmware/Cargo.toml -Zbuild-std=core,alloc "${targets[@]}"

column() { # program, column of `size`
    size "$1" | awk -v column="$2" 'NR == 2 { print $column }'
}

for machine in "${machines[@]}"; do
    read -r target run <<<"$machine"
    built=$CARGO_TARGET_DIR/$target/release
    printf '\n%s\n' "$target"
    for program in firmware lock_free; do
        echo "$program:"
        # shellcheck disable=SC2086
        timeout 300 $run -nographic -icount shift=0 -semihosting-config enable=on,target=native \
            -kernel "$built/$program"
    done
    code=$(($(column "$built/heap" 1) - $(column "$built/no_heap" 1)))
    data=$(column "$built/heap" 2)
    echo "code of the heap: $code bytes of at most $most_code; initial data: $data bytes"
    ((code <= most_code && data <= most_data))
done
