#!/usr/bin/env bash
# Installs the libraries of AMD's and Intel's drivers, which need no device to
# be loaded: the tests of gpu/ look at what they say without one. Does nothing
# where both are there, and says so where they cannot be had.
set -euo pipefail
for package in libamdhip64-5 libze1; do
    "$(dirname "$0")/debian.sh" "$package" || echo "skipped: $package cannot be installed here"
done
