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
    # The run level keeps packages from starting servers.
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    "$(dirname "$0")/apt-update.sh"
    apt-get install -qy -o Acquire::Retries=5 -o DPkg::Lock::Timeout=300 --no-install-recommends \
        "${missing[@]}"
fi
