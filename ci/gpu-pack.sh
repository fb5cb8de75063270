#!/usr/bin/env bash
# Packs the tests of GPUs, and `compare` if it measures GPUs, into one folder that runs on another
# machine: x86-64 Linux with glibc 2.35 or newer, gzip, and nothing else. At most 40 MiB.
#
#   ci/gpu-pack.sh [--no-bench] [--run | --quick] [folder]    (folder: target/gpu-pack)
#
# There, `run.sh` runs all of it. --run does so here, on the device in software and on whatever
# else this machine has; --quick on the device in software alone, which is how CI has it.
set -euo pipefail
cd "$(dirname "$0")/.."
bench=1 run= pack=${CARGO_TARGET_DIR:-target}/gpu-pack
for argument in "$@"; do
    case $argument in
    --no-bench) bench=0 ;;
    --run) run=all ;;
    --quick) run=quick ;;
    -*) echo "gpu-pack: there is no $argument" >&2 && exit 2 ;;
    *) pack=$argument ;;
    esac
done
for tool in jq objdump readelf strip; do
    command -v "$tool" >/dev/null || ci/debian.sh jq binutils || {
        echo "gpu-pack: needs $tool (Debian: jq, binutils)" >&2
        exit 2
    }
done
most=$((40 << 20))
glibc=2.35

# What reads files of the source tree, which is not there.
left_out='^compile_fail$'

rm -rf "$pack"
mkdir -p "$pack/tests"

packages=()
for manifest in gpu/Cargo.toml gpu/*/Cargo.toml; do
    packages+=(-p "$(sed -n 's/^name = "\(anymem.*\)"/\1/p' "$manifest" | head -n 1)")
done
built=$(cargo test --no-run --tests --message-format=json "${packages[@]}" |
    jq -r 'select(.reason == "compiler-artifact") | [
            (.package_id | capture("(?<name>[^/#@]+)(#|@)[^/]*$").name), .target.name,
            .executable // (.filenames[] | select(endswith(".so")) | select(contains("gpu"))) // ""
        ] | select(.[2] != "") | @tsv')
while IFS=$'\t' read -r package name file; do
    case $file in
    *.so) install -m 755 "$file" "$pack/tests/$(basename "$file")" ;;
    *) [[ $name =~ $left_out ]] || install -m 755 "$file" "$pack/tests/$package.$name" ;;
    esac
done <<<"$built"

if ((bench)); then
    # The peers' C++ library goes with it, for not every machine has one.
    archive=$(g++ -print-file-name=libstdc++.a) static=$(mktemp -d)
    ln -s "$archive" "$static/"
    cargo rustc --release -p anymem-benches --bin compare -- -L "native=$static"
    rm -r "$static"
    compare=${CARGO_TARGET_DIR:-target}/release/compare
    if "$compare" --help | grep -qw gpu; then
        install -m 755 "$compare" "$pack/compare"
    else
        echo "gpu-pack: compare measures no GPUs; left out"
    fi
fi

find "$pack" -type f -exec strip --strip-all {} +
# The newest glibc that a program asks for, and libraries that not every machine has.
failed=0
while read -r file; do
    newest=$(objdump -T "$file" | grep -o 'GLIBC_[0-9.]*' | cut -d_ -f2 | sort -V | tail -n 1)
    if [[ $(printf '%s\n' "${newest:-0}" "$glibc" | sort -V | tail -n 1) != "$glibc" ]]; then
        echo "gpu-pack: $file needs glibc $newest, and $glibc is the most" >&2
        failed=1
    fi
    others=$(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
        grep -vE '^(libc|libm|libgcc_s|libpthread|libdl|librt|ld-linux-x86-64)\.so' || true)
    if [[ -n $others ]]; then
        echo "gpu-pack: $file needs $others" >&2
        failed=1
    fi
done < <(find "$pack" -type f)

# What ci/gpu-peers.sh has provided: other machines may lack what it needs, and then that is said.
peers=${CARGO_TARGET_DIR:-target}/peers/gpu
if ((bench)) && [[ -d $peers ]]; then
    install -m 755 -D -t "$pack/peers" "$peers"/*.so*
fi

find "$pack" -type f -exec gzip -9n {} +
install -m 755 ci/gpu-run.sh "$pack/run.sh"

size=$(du -sb "$pack" | cut -f1)
programs=$(find "$pack" -type f -name '*.gz' ! -name '*.so*.gz' | wc -l)
echo "gpu-pack: $pack: $programs programs, $(((size + (1 << 20) - 1) >> 20)) MiB"
if ((size > most)); then
    echo "gpu-pack: that is more than $((most >> 20)) MiB" >&2
    failed=1
fi
((failed)) && exit 1
case $run in
all) exec "$pack/run.sh" ;;
quick) exec "$pack/run.sh" --quick ;;
esac
