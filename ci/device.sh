#!/usr/bin/env bash
# Compiles tests/device for CUDA and ROCm: kernels in which core runs on the device, with the
# thread models of gpu/device. None is run. What the compiler wrote is looked at instead: that it
# has the kernels, that they call nothing that is not there, and that what threads of the device
# and of the processor share is used by atomics of the whole system's scope.
#
# The compiler is that of ci/rust-src.sh; a linker is not needed. A minute on two processors.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=$(ci/rust-src.sh)
eval "$environment"
built=$(realpath -m "${CARGO_TARGET_DIR:-target}")/device
export CARGO_INCREMENTAL=0
kernels=(anymem_rust_count anymem_rust_push anymem_rust_allocate)

compile() { # target, options; the assembly goes to $built/TARGET/kernels.s
    CARGO_TARGET_DIR=$built/$1 RUSTFLAGS=$2 cargo rustc --quiet --locked --release \
        --manifest-path tests/device/Cargo.toml -Zbuild-std=core --target "$1" \
        -- --emit "asm=$built/$1/kernels.s"
}

fail() {
    echo "device: $*" >&2
    exit 1
}

has() { # file, expression, what it is
    grep -qE "$2" "$1" || fail "$1 has no $3"
}

has_not() { # file, expression, what it is
    ! grep -nE "$2" "$1" || fail "$1 has $3"
}

words() { # expression, file
    grep -oE "$1" "$2" | sed 's/[@:].*//' | sort -u
}

cuda() { # PTX
    local kernel
    for kernel in "${kernels[@]}"; do
        has "$1" "^\.visible \.entry $kernel\(" "kernel $kernel"
    done
    has_not "$1" '^\s*\.extern' "a function of somebody else's"
    has "$1" '\satom\.acquire\.sys\.cas\.b64' "lock"
    has "$1" '\satom\.acq_rel\.sys\.or\.b64' "bit of a slab"
    has_not "$1" '\s(atom|red)\.([^ar]|a[^c])' "atomics of no scope"
    has_not "$1" '\s(atom|red|fence|ld|st)\.[a-z_.]*\.(gpu|cta|cluster)\b' "narrow atomics"
    has "$1" '\snanosleep\.u32\s' "pause"
}

rocm() { # GCN assembly
    local kernel missing
    for kernel in "${kernels[@]}"; do
        has "$1" "^\s*\.amdhsa_kernel $kernel\$" "kernel $kernel"
    done
    missing=$(comm -23 <(words '[[:alnum:]_.$]+@(rel32|gotpcrel32)' "$1") \
        <(words '^[[:alnum:]_.$]+:' "$1"))
    [[ -z $missing ]] || fail "$1 refers to what it has not: $missing"
    has "$1" '\sflat_atomic_cmpswap' "atomics"
    has "$1" '\sbuffer_wbl2' "writes that the whole system sees"
    has "$1" '\ss_sleep\s' "pause"
}

# Volta is the first of whose threads one may wait for another, and 7.0 a language that it knows.
compile nvptx64-nvidia-cuda "-Ctarget-cpu=sm_70 -Ctarget-feature=+ptx70" &
compile amdgcn-amd-amdhsa -Ctarget-cpu=gfx90a
wait $!
sed -E -f gpu/device/ptx.sed "$built/nvptx64-nvidia-cuda/kernels.s" >"$built/kernels.ptx"
cuda "$built/kernels.ptx"
rocm "$built/amdgcn-amd-amdhsa/kernels.s"
echo "device: ${#kernels[@]} kernels for CUDA and ROCm"
