#!/usr/bin/env bash
# Provides what `compare -- pools` measures beside anymem: the Unified Memory
# Framework from its wheel on PyPI, and what it loads. Without it the comparison
# says what it lacks. Does nothing where all is there.
set -euo pipefail
cd "$(dirname "$0")/.."

ci/debian.sh libhwloc15 libtbbmalloc2 python3-pip unzip

peers=${CARGO_TARGET_DIR:-target}/peers/umf
if [[ ! -e $peers/libumf.so.1 ]]; then
    mkdir -p "$peers"
    if ! python3 -m pip download --quiet --retries 10 --no-deps --only-binary :all: \
        --dest "$peers" umf==1.2.0; then
        echo "skipped: umf cannot be downloaded here"
        exit
    fi
    unzip -q -o -j "$peers"/umf-*.whl '*/lib/libumf.so.1' -d "$peers"
    rm "$peers"/umf-*.whl
fi
