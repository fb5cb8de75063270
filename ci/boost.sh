#!/usr/bin/env bash
# Installs the headers of Boost.Interprocess, a peer of `compare -- shared`, which
# leaves it out where they are missing. Does nothing where they are there.
set -euo pipefail
if [[ ! -e /usr/include/boost/interprocess/managed_shared_memory.hpp ]]; then
    "$(dirname "$0")/debian.sh" build-essential libboost-dev
fi
