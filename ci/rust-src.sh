#!/usr/bin/env bash
# Finds a compiler that has the sources of its library, with which cargo builds that for
# targets nobody has built it for, and prints the environment to use it:
#
#   environment=$(ci/rust-src.sh)
#   eval "$environment"
#   cargo build -Zbuild-std=core,alloc --target thumbv7m-none-eabi --target-dir ...
#
# That is rustup's, where it has its component rust-src; else Debian's (the one that its
# browsers are built with), unpacked into ${ANYMEM_CROSS:-target/cross} and not installed:
# 480 MB, under a minute. The sanitizers' libraries are rustup's in either case. Artifacts of
# two compilers do not mix: give these builds a target directory of their own.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts=$PWD/ci

if [[ -e $(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.toml ]]; then
    echo "export RUSTC_BOOTSTRAP=1"
    exit
fi

cross=${ANYMEM_CROSS:-target/cross}
mkdir -p "$cross"
cross=$(realpath "$cross")
host=$(rustc -vV | sed -n 's/^host: //p')

# Whose versions are part of their names.
packages() {
    apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
        --no-replaces --no-enhances rustc-web rust-web-src |
        grep -E '^(rustc-web|rust-web-src|libstd-rust-web-.*|libllvm[0-9]+)$' | sort -u
}

download() { # into the folder where it runs
    command -v apt-get >/dev/null || { echo "rust-src: no rustup rust-src, no apt-get" >&2; exit 1; }
    local wanted
    "$scripts/apt-update.sh"
    wanted=$(packages)
    # As root, apt-get would download as a user who may not write here.
    # shellcheck disable=SC2086
    apt-get download -q -o Acquire::Retries=5 -o APT::Sandbox::User=root $wanted
}

# Debian's compiler has no linker of its own; rustup's brings one that knows all targets.
linker() {
    local ours
    ours=$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld
    if [[ ! -x $ours ]]; then
        command -v lld >/dev/null || "$scripts/debian.sh" lld
        ours=$(command -v lld)
    fi
    mkdir -p "usr/lib/rustlib/$host/bin"
    ln -sf "$ours" "usr/lib/rustlib/$host/bin/rust-lld"
}

sanitizers() {
    local library name
    for library in "$(rustc --print sysroot)/lib/rustlib/$host/lib"/librustc-*_rt.*.a; do
        name=${library##*/}
        ln -sf "$library" "usr/lib/rustlib/$host/lib/librustc-stable_${name#*_}"
    done
}

wrapper() { # program
    cat >"$1" <<'END'
#!/bin/sh
root=$(dirname "$0")
export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$root/usr/bin/$(basename "$0")" "$@"
END
    chmod +x "$1"
}

unpack() {
    rm -rf "$cross/rust.partial"
    mkdir -p "$cross/rust.partial"
    cd "$cross/rust.partial"
    download
    local package
    for package in *.deb; do
        dpkg -x "$package" .
        rm "$package"
    done
    # Sources of the compiler itself, and of LLVM.
    rm -rf usr/src/rustc-*/{compiler,src}
    linker
    sanitizers
    wrapper rustc
    wrapper rustdoc
    mv "$cross/rust.partial" "$cross/rust"
}

exec 9>"$cross/rust.lock"
flock 9
[[ -d $cross/rust ]] || (unpack >&2)
echo "export RUSTC='$cross/rust/rustc' RUSTDOC='$cross/rust/rustdoc' RUSTC_BOOTSTRAP=1"
