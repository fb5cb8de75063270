#!/usr/bin/env bash
# Installs the Debian packages that the tests of preload/ need: a C++ compiler
# and the programs that are run on its heap. Does nothing where all is there.
set -euo pipefail
version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' || echo 3.11)
"$(dirname "$0")/debian.sh" build-essential git perl python3 redis-server redis-tools sqlite3 \
    "libpython$version-testsuite"
