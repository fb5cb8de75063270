#!/usr/bin/env bash
# Runs all tests of GPUs that are packed beside this, and then measures (ci/gpu-pack.sh).
#
#   run.sh [--require DRIVERS] [--no-bench] [--only PATTERN]
#
# All run on the device in software, and on each that the machine has. DRIVERS, such as
# `cuda` or `cuda,hip`, are those that it must have: without one tests fail instead of being
# skipped. The last lines say what came of each program; the exit status is 0 if none failed.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
bench=1 only=
while (($#)); do
    case $1 in
    --require) export ANYMEM_GPU_REQUIRED=${2:?drivers} && shift ;;
    --no-bench) bench=0 ;;
    --only) only=${2:?a pattern} && shift ;;
    *) echo "run.sh: there is no $1" >&2 && exit 2 ;;
    esac
    shift
done
patience=${ANYMEM_GPU_PATIENCE:-300}
log=$(mktemp) summary=$(mktemp)
trap 'rm -f "$log" "$summary"' EXIT
failures=0

note() { # name, exit status
    # Programs run themselves again on further devices: all their results count.
    awk -v name="$1" -v status="$2" '
        /^test result:/ { passed += $4; failed += $6 }
        { skipped += gsub(/skipped: /, "") }
        END {
            printf "%-44s %5d passed %4d failed %4d skipped  %s\n", name, passed, failed, skipped,
                status == 0 ? "ok" : status == 124 ? "TIMED OUT" : "FAILED (" status ")"
        }' "$log" >>"$summary"
    (($2 == 0)) || failures=$((failures + 1))
}

for program in tests/*"$only"*; do
    [[ -x $program && $program != *.so ]] || continue
    echo "== $program"
    timeout -k 10 "$patience" "$program" 2>&1 | tee "$log"
    note "${program#tests/}" "${PIPESTATUS[0]}"
done
if ((bench)) && [[ -x compare ]]; then
    echo "== compare gpu"
    timeout -k 10 "$((patience * 3))" ./compare gpu 2>&1 | tee "$log"
    note "compare gpu" "${PIPESTATUS[0]}"
    grep '^gpu: ' "$log" >>"$summary"
fi
echo
cat "$summary"
sed 's/^compare gpu/compare-gpu/' "$summary" | awk -v failures="$failures" '
    $3 == "passed" { passed += $2; failed += $4; skipped += $6 }
    END {
        printf "gpu-run: %d passed, %d failed, skipped %d times; programs that failed: %d\n",
            passed, failed, skipped, failures
    }'
exit $((failures > 0))
