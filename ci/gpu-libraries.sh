#!/usr/bin/env bash
# Installs the libraries of AMD's and Intel's drivers, which need no device to
# be loaded: the tests of gpu/ look at what they say without one. Does nothing
# where both are there, and says so where they cannot be had.
set -euo pipefail
wanted=(libamdhip64-5 libze1)
missing=()
for package in "${wanted[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing+=("$package")
done
if ((${#missing[@]})); then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    for package in "${missing[@]}"; do
        apt-get install -qy --no-install-recommends "$package" ||
            echo "skipped: $package cannot be installed here"
    done
fi
