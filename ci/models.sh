#!/usr/bin/env bash
# Runs the models of core's protocols, each in a process of its own, as many at a time as there
# are processors. In one process their threads would wait for each other half of the time: a
# model maps and unmaps a stack for each thread of each execution.
#
#   ci/models.sh [FILTER...]    (ci/models.sh ring:: fair_lock::)
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(cargo test -p anymem-loom-tests --test protocols --no-run \
    --message-format=json-render-diagnostics | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')
export program

model() { # name
    local output
    if output=$("$program" --exact "$1" 2>&1); then
        echo "test $1 ... ok"
    else
        printf '%s\n' "$output"
        return 1
    fi
}
export -f model

mapfile -t models < <("$program" --list "$@" | sed -n 's/: test$//p')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
result=ok
printf '%s\n' "${models[@]}" | xargs -P "$(nproc)" -I{} bash -c 'model {}' | tee "$log" || result=FAILED
passed=$(grep -c '^test .* \.\.\. ok$' "$log" || true)
echo "test result: $result. $passed passed; $((${#models[@]} - passed)) failed"
[[ $result == ok ]]
