#!/usr/bin/env bash
# Runs the tests under ThreadSanitizer, with a standard library that is built for it.
#
#   ci/tsan.sh [--quick | --test NAME...]    (--quick: core's that have threads, and some)
#
# Order that came about through another process is not seen, and blocks that go round between
# processes look like races: the tests of several processes have all their threads in one
# here. About TIME minutes on two processors, TIME for what --quick runs; half of it is for
# building. Left out, and why:
#
# - a child that is forked from many threads may not start threads of its own;
# - a thread that keeps changing a heap's bytes is a race, on purpose;
# - the crash sweep would step through the sanitizer's code as well;
# - a limit on address space or memory is one on the sanitizer, which takes terabytes
#   of the one and four times what is touched of the other;
# - `mlock` does nothing under it, so no limit on that can be seen;
# - the kernel does not have it;
# - random deaths fork processes by the thousand, each with all of the sanitizer's
#   memory, and their order is not seen.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=--tests
if [[ ${1:-} == --quick ]]; then
    # shellcheck disable=SC2046
    tests=$(ci/programs.sh $(grep -lE 'thread::(scope|spawn)' core/tests/*.rs) \
        tests/tests/{heap,locks,messages,processes,queues,tasks,threads}.rs)
elif (($#)); then
    tests=$*
fi
environment=$(ci/rust-src.sh)
eval "$environment"
export RUSTFLAGS="-Zsanitizer=thread ${RUSTFLAGS:-}"
export ANYMEM_ONE_PROCESS=1
export TSAN_OPTIONS="suppressions=$PWD/ci/tsan.supp:allocator_may_return_null=1:${TSAN_OPTIONS:-}"
target=$(rustc -vV | sed -n 's/^host: //p')
# shellcheck disable=SC2086
cargo test --no-fail-fast -Zbuild-std --target "$target" --target-dir target/tsan \
    -p anymem-core -p anymem-tests --lib $tests -- \
    --skip children_get_slots_and_blocks_of_their_own \
    --skip parent_and_child_never_get_the_same_block \
    --skip a_process_whose_first_thread_ended_lives \
    --skip a_peer_that_keeps_changing_them \
    --skip short_operations_are_survived_after_each_instruction \
    --skip long_operations_are_survived \
    --skip recoveries_are_survived \
    --skip survive_deaths \
    --skip kills_are_survived \
    --skip a_limit_on_address_space \
    --skip a_limit_on_locked_memory \
    --skip more_shared_memory_than_a_control_group_may_have \
    --skip what_is_done_with_locks_is_survived \
    --skip random_deaths_are_survived \
    --skip seeds_can_be_given \
    --skip a_forked_child_wakes_its_own_tasks \
    --skip processors_pass --skip memory_passes --skip machine_pass
