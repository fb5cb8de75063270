#!/usr/bin/env bash
# Runs core's tests under miri, on machines whose nightly toolchain has it.
#
# It has not been run by the authors yet: no machine at hand had it.
set -euo pipefail
MIRIFLAGS="-Zmiri-strict-provenance -Zmiri-disable-isolation ${MIRIFLAGS:-}" \
    PROPTEST_CASES=4 cargo +nightly miri test -p anymem-core "$@"
