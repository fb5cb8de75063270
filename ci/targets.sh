#!/usr/bin/env bash
# Checks that core builds for processors and systems of all kinds, with and without its
# features. Those on which tests/firmware runs are left to ci/firmware.sh.
#
#   ci/targets.sh [--quick]     one of each kind: two minutes on two processors
#
# Not among them: avr and msp430 (pointers of 16 bits), bpfel (no atomic bytes), xtensa (LLVM
# upstream does not have it).
set -euo pipefail
cd "$(dirname "$0")/.."
targets=(x86_64-unknown-none thumbv7em-none-eabihf wasm32-unknown-unknown i686-unknown-uefi)
without_exchange=()
if [[ ${1:-} != --quick ]]; then
    targets+=(
        x86_64-unknown-uefi aarch64-unknown-none aarch64-unknown-none-softfloat armv7r-none-eabi
        thumbv7m-none-eabi thumbv8m.main-none-eabi riscv32imac-unknown-none-elf
        riscv64gc-unknown-none-elf i686-unknown-linux-gnu powerpc64-unknown-linux-gnu
        s390x-unknown-linux-gnu
    )
    without_exchange+=(thumbv6m-none-eabi riscv32i-unknown-none-elf riscv32imc-unknown-none-elf)
fi
environment=$(ci/rust-src.sh)
eval "$environment"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/targets CARGO_INCREMENTAL=0
# The library itself is built, and nothing of it runs.
export CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0

check() { # features, targets
    local features=$1 arguments=()
    shift
    for target; do
        arguments+=(--target "$target")
    done
    if (($#)); then
        cargo check -p anymem-core -Zbuild-std=core,alloc --features "$features" "${arguments[@]}"
    fi
}
check "" "${targets[@]}"
features=alloc,async,critical-section,derive,linked-list,secure,serde
check $features "${targets[@]}"
check critical-section "${without_exchange[@]}"
check $features "${without_exchange[@]}"
# GPUs, for which there is more to look at.
ci/device.sh
