#!/usr/bin/env bash
# Installs the Debian packages that the tests of preload/ need: a C++ compiler
# and the programs that are run on its heap. Does nothing where all is there.
set -euo pipefail
version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' || echo 3.11)
wanted=(build-essential git perl python3 redis-server redis-tools sqlite3 "libpython$version-testsuite")
missing=()
for package in "${wanted[@]}"; do
    dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing+=("$package")
done
if ((${#missing[@]})); then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -qy --no-install-recommends "${missing[@]}"
fi
