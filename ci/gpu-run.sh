#!/usr/bin/env bash
# Runs all tests of GPUs that are packed beside this, and then measures (ci/gpu-pack.sh).
#
#   run.sh [--require DRIVERS] [--no-bench] [--only PATTERN] [--quick]
#
# All run on the device in software, and on each that the machine has. DRIVERS, such as
# `cuda` or `cuda,hip`, are those that it must have: without one tests fail instead of being
# skipped. --quick is for the device in software alone. The last lines say what came of each
# program; the exit status is 0 if none failed.
set -uo pipefail
cd "$(dirname "$0")" || exit 2
bench=1 only= skip=()
while (($#)); do
    case $1 in
    --require) export ANYMEM_GPU_REQUIRED=${2:?drivers} && shift ;;
    --no-bench) bench=0 ;;
    --quick) skip=(--skip on_all_drivers) ;;
    --only) only=${2:?a pattern} && shift ;;
    *) echo "run.sh: there is no $1" >&2 && exit 2 ;;
    esac
    shift
done
unpack() { # a packed program; prints where it is then
    local to
    to=$programs/$(basename "$1" .gz)
    gzip -dc "$1" >"$to" && chmod 755 "$to" && echo "$to"
}

patience=${ANYMEM_GPU_PATIENCE:-300}
# Programs are packed one by one; libraries of theirs have to be beside them.
programs=$(mktemp -d)
log=$programs/log summary=$programs/summary
trap 'rm -rf "$programs"' EXIT
failures=0
for library in tests/*.so.gz peers/*.so*.gz; do
    [[ -e $library ]] && unpack "$library" >/dev/null
done

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

for packed in tests/*"$only"*.gz; do
    [[ -e $packed && $packed != *.so.gz ]] || continue
    program=$(unpack "$packed")
    echo "== ${program##*/}"
    timeout -k 10 "$patience" "$program" "${skip[@]}" 2>&1 | tee "$log"
    note "${program##*/}" "${PIPESTATUS[0]}"
    rm "$program"
done
if ((bench)) && [[ -e compare.gz ]]; then
    echo "== compare gpu"
    timeout -k 10 "$((patience * 3))" "$(unpack compare.gz)" gpu 2>&1 | tee "$log"
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
