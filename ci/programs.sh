#!/usr/bin/env bash
# The test programs of these folders, as arguments for cargo. Not what does not compile: that is
# the same everywhere.
#
#   ci/programs.sh core/tests tests/tests/{heap,threads}.rs
set -euo pipefail
for place; do
    [[ -d $place ]] && place=$place/'*.rs'
    for file in $place; do
        name=$(basename "$file" .rs)
        [[ $name == compile_fail ]] || printf -- '--test %s ' "$name"
    done
done
