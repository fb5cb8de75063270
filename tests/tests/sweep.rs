//! Deaths after every instruction: the short form of the program `sweep`.
//!
//! Where processes cannot be traced these tests fail. On other machines than
//! Linux on x86-64 and aarch64 there are none.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use anymem_tests::sweep::{Death, LOCK_OPERATIONS, OPERATIONS, Operation, Plan, sweep, sweep_lock};

/// Sweeps operations, and fails with what does not hold.
fn sweep_all(operations: impl Iterator<Item = &'static Operation>, plan: &Plan) {
    for operation in operations {
        let found = sweep(operation, plan);
        let failures: Vec<_> = found.failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{}, {plan:?}:\n{}", operation.name, failures.join("\n"));
        assert!(found.points > 1 && found.deaths > 0, "{} did nothing", operation.name);
    }
}

fn short() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().filter(|it| it.short)
}

/// One death in `every`, others each time.
fn some(every: usize) -> Plan {
    Plan { every, phase: std::process::id() as usize % every, ..Plan::ALL }
}

#[test]
fn short_operations_are_survived_after_each_instruction() {
    sweep_all(short(), &Plan::ALL);
}

#[test]
fn long_operations_are_survived() {
    sweep_all(OPERATIONS.iter().filter(|it| !it.short), &some(4));
}

#[test]
fn recoveries_are_survived() {
    let chosen = ["allocate-run", "free-foreign", "resize", "flush-shared", "relink"];
    let operations = OPERATIONS.iter().filter(|it| chosen.contains(&it.name));
    sweep_all(operations, &Plan { heirs: 4, ..some(16) });
}

/// A process that is killed leaves what one leaves that stands still.
#[test]
fn kills_are_survived() {
    let chosen = ["create", "claim-slot", "allocate", "free", "allocate-run"];
    let operations = OPERATIONS.iter().filter(|it| chosen.contains(&it.name));
    sweep_all(operations, &Plan { death: Death::Killed, ..Plan::ALL });
}

/// One test, for they share a heap's id.
#[test]
fn what_is_done_with_locks_is_survived() {
    for plan in [Plan::ALL, Plan { death: Death::Killed, ..some(3) }] {
        for operation in LOCK_OPERATIONS {
            let found = sweep_lock(operation, &plan);
            let failures: Vec<_> = found.failures.iter().map(ToString::to_string).collect();
            assert!(failures.is_empty(), "{}, {plan:?}:\n{}", operation.name, failures.join("\n"));
            assert!(found.points > 2 && found.deaths > 0, "{} did nothing", operation.name);
        }
    }
}
