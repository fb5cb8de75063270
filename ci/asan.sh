#!/usr/bin/env bash
# Runs the tests under AddressSanitizer, which needs a nightly toolchain.
#
#   ci/asan.sh [--quick | --test NAME...]
#
# --quick runs those of the adapters, some of the others, and core's but for the containers,
# which stand in heaps, where the sanitizer does not see what is whose.
#
# The tests that start programs of their own run those under it as well. Leaks
# are not looked for: heaps that stay attached for ever are meant to. About eight
# minutes on two processors, five of them for building, or half of that. Left out are the crash
# sweep, which would step through the sanitizer's code as well; random deaths, which fork
# processes by the thousand, each with all of the sanitizer's memory; what locks pages,
# for under it `mlock` does nothing; a limit on address space, of which it takes
# terabytes; what ends by a signal that it takes for a mistake; and the kernel, which does not have it.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=--tests packages=(-p anymem-core -p anymem -p anymem-tests)
if [[ ${1:-} == --quick ]]; then
    # shellcheck disable=SC2046
    tests=$(ci/programs.sh $(find core/tests -maxdepth 1 -name '*.rs' ! -name 'container_*') \
        std-adapters/tests \
        tests/tests/{bad_segments,heap,hostile,ipc,model,shm_alloc}.rs)
else
    packages+=(-p anymem-mpi -p anymem-gpu -p anymem-gpu-sim)
    tests=${*:-$tests}
fi
# Libraries that the tests load have the sanitizer from the program that loads them.
export RUSTFLAGS="-Zsanitizer=address -Clink-arg=-rdynamic ${RUSTFLAGS:-}"
export ASAN_OPTIONS="detect_leaks=0:allocator_may_return_null=1:${ASAN_OPTIONS:-}"
target=$(rustc +nightly -vV | sed -n 's/^host: //p')
# Procedural macros and build scripts are built for the host, without it.
# shellcheck disable=SC2086
cargo +nightly test --no-fail-fast --target "$target" --target-dir target/asan \
    "${packages[@]}" --lib $tests -- \
    --skip short_operations_are_survived_after_each_instruction \
    --skip long_operations_are_survived \
    --skip recoveries_are_survived \
    --skip survive_deaths \
    --skip what_is_done_with_locks_is_survived \
    --skip kills_are_survived \
    --skip random_deaths_are_survived \
    --skip seeds_can_be_given \
    --skip locked_pages_stay_in_memory_and_can_be_purged \
    --skip the_environment_and_its_file_say_what_to_begin_with \
    --skip a_limit_on_locked_memory_is_an_error \
    --skip a_limit_on_address_space_is_an_error \
    --skip the_processor_cannot_touch_it \
    --skip processors_pass --skip memory_passes --skip machine_pass
