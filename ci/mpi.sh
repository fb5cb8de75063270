#!/usr/bin/env bash
# Runs the tests of mpi/: on the threads of one process, and on processes of each MPI that
# there is: {Open MPI, MPICH} x {1, 2, 4} ranks x {shared, window, two-sided}, and on Open MPI
# without single copies, as in containers. Installs both on Debian where it may. The last line
# counts. Ends with 77 if there is no MPI and none can be installed; then only the threads ran.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v apt-get >/dev/null; then
    ci/debian.sh openmpi-bin libopenmpi-dev mpich libmpich-dev libclang-dev ||
        echo "packages of MPI cannot be installed here"
fi

# As root, and with more ranks than processors.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export CARGO_INCREMENTAL=0
target=${CARGO_TARGET_DIR:-$PWD/target}
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Builds what its arguments say for an MPI, and names the programs.
cargo_for() {
    local name=$1
    shift
    MPICC=mpicc.$name CARGO_TARGET_DIR=$target/mpi-$name cargo "$@" -p anymem-mpi --features mpi \
        --message-format=json-render-diagnostics | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'
}

# The programs of an MPI: the test, and the example.
build() {
    cargo_for "$1" test --no-run --test ranks && cargo_for "$1" build --example heat
}

# Runs a program on so many ranks, and counts what it says in the end.
run() {
    local name=$1 ranks=$2 program=$3 ok left
    if timeout 900 "mpirun.$name" -n "$ranks" "$program" >"$log" 2>&1; then
        cat "$log"
        case $(grep -E '^(ranks|heat):' "$log" | tail -n 1) in
        ranks:*)
            read -r ok left < <(awk '/^ranks:/ { print $2, $4 }' "$log")
            passed=$((passed + ok)) skipped=$((skipped + left))
            return
            ;;
        *'equal to one rank'*)
            passed=$((passed + 1))
            return
            ;;
        esac
    else
        cat "$log"
    fi
    echo "FAILED: ${program##*/} on $ranks ranks of $name"
    failed=$((failed + 1))
}

on_threads() {
    cargo test -p anymem-mpi 2>&1 | tee "$log" || failed=$((failed + 1))
    passed=$((passed + $(awk '/^test result:/ { sum += $4 } END { print sum + 0 }' "$log")))
}

on_threads
found=0
for name in openmpi mpich; do
    if ! command -v "mpicc.$name" >/dev/null || ! command -v "mpirun.$name" >/dev/null; then
        echo "skipped: there is no mpicc.$name or mpirun.$name"
        skipped=$((skipped + 1))
        continue
    fi
    found=1
    if ! programs=$(build "$name"); then
        echo "FAILED: building for $name"
        failed=$((failed + 1))
        continue
    fi
    for ranks in 1 2 4; do
        for program in $programs; do
            echo "== $name, $ranks ranks: ${program##*/}"
            run "$name" "$ranks" "$program"
        done
    done
    if [[ $name == openmpi ]]; then
        echo "== $name, 4 ranks without single copies"
        export OMPI_MCA_btl_vader_single_copy_mechanism=none
        export OMPI_MCA_btl_sm_single_copy_mechanism=none
        for program in $programs; do
            run "$name" 4 "$program"
        done
    fi
done

printf 'mpi: %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
if ((failed)); then
    exit 1
fi
if ((!found)); then
    echo "no MPI: install openmpi-bin and libopenmpi-dev, or mpich and libmpich-dev, and libclang-dev"
    exit 77
fi
