#!/usr/bin/env bash
# Installs Debian's packages of these names. Does nothing where all are there.
#
#   ci/debian.sh package...
set -euo pipefail
missing=()
for package in "$@"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing+=("$package")
done
if ((${#missing[@]})); then
    export DEBIAN_FRONTEND=noninteractive
    options=(-q -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300)
    apt-get update "${options[@]}"
    apt-get install "${options[@]}" -y --no-install-recommends "${missing[@]}"
fi
