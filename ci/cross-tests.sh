#!/usr/bin/env bash
# Runs core's tests where words have 32 bits (i686), and where the highest byte comes first
# (s390x, in QEMU).
#
#   ci/cross-tests.sh [--quick] [target...]     (targets: i686 s390x)
#
# --quick runs some of the tests, those that see most of the code: three minutes on two
# processors. Both need a library built for them (ci/rust-src.sh), and Debian's packages of
# their C libraries, which this installs where it may.
set -euo pipefail
cd "$(dirname "$0")/.."
quick= targets=()
for argument in "$@"; do
    case $argument in
    --quick) quick=1 ;;
    i686 | s390x) targets+=("$argument") ;;
    *) echo "cross-tests: there is no $argument" >&2 && exit 2 ;;
    esac
done
((${#targets[@]})) || targets=(i686 s390x)

declare -A packages=(
    [i686]="gcc-multilib"
    [s390x]="binutils-s390x-linux-gnu libc6-dev-s390x-cross libgcc-12-dev-s390x-cross qemu-user"
)

environment=$(ci/rust-src.sh)
eval "$environment"
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/cross CARGO_INCREMENTAL=0
export CARGO_PROFILE_DEV_DEBUG=0
mkdir -p "$CARGO_TARGET_DIR"

# Debian's compiler driver for s390x cannot be installed beside gcc-multilib. What it would
# tell the linker is this.
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER=$CARGO_TARGET_DIR/s390x-ld
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUSTFLAGS="-Clinker-flavor=ld"
export CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_RUNNER="qemu-s390x -L /usr/s390x-linux-gnu"
cat >"$CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER" <<'END'
#!/bin/sh
libc=/usr/s390x-linux-gnu/lib
libgcc=$(echo /usr/lib/gcc-cross/s390x-linux-gnu/*)
exec s390x-linux-gnu-ld -dynamic-linker /lib/ld64.so.1 -L$libc -L"$libgcc" \
    $libc/Scrt1.o $libc/crti.o "$@" -lgcc --as-needed -lgcc_s --no-as-needed -lc $libc/crtn.o
END
chmod +x "$CARGO_TARGET_S390X_UNKNOWN_LINUX_GNU_LINKER"

tests=(core/tests)
if [[ $quick ]]; then
    tests=(core/tests/{container_map,container_real_heap,exchange,global_alloc,tiny_heap}.rs)
fi
tests=$(ci/programs.sh "${tests[@]}")

for target in "${targets[@]}"; do
    # shellcheck disable=SC2086
    if ! ci/debian.sh ${packages[$target]}; then
        echo "skipped: packages for $target cannot be installed here"
        continue
    fi
    # shellcheck disable=SC2086
    cargo test -p anymem-core -Zbuild-std=std,panic_unwind --target "$target-unknown-linux-gnu" \
        --features alloc,async,critical-section,derive,linked-list,serde --lib $tests
done
