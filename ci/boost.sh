#!/usr/bin/env bash
# Installs the headers of Boost.Interprocess, a peer of `compare -- shared`, which
# leaves it out where they are missing. Does nothing where they are there.
set -euo pipefail
if [[ ! -e /usr/include/boost/interprocess/managed_shared_memory.hpp ]]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -qy --no-install-recommends build-essential libboost-dev
fi
