//! Deaths after every instruction of what containers do: all that the program
//! `sweep` does for them.
//!
//! Where processes cannot be traced this fails. On other machines than Linux on
//! x86-64 and aarch64 there is no such test.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use anymem_tests::sweep::{
    CONTAINER_OPERATIONS, ContainerOperation, ORDERED_OPERATIONS, Plan, SEQUENCE_OPERATIONS,
    sweep_container,
};

fn sweep_all(kinds: &[&str]) {
    let is_wanted = |it: &&ContainerOperation| kinds.iter().any(|kind| it.name.starts_with(kind));
    let operations: Vec<_> = CONTAINER_OPERATIONS
        .iter()
        .chain(ORDERED_OPERATIONS)
        .chain(SEQUENCE_OPERATIONS)
        .filter(is_wanted)
        .collect();
    assert!(!operations.is_empty());
    for operation in operations {
        let found = sweep_container(operation, &Plan::ALL);
        let failures: Vec<_> = found.failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty(), "{}:\n{}", operation.name, failures.join("\n"));
        assert!(found.deaths > 0, "{} did nothing", operation.name);
    }
}

#[test]
fn vectors_and_boxes_survive_deaths() {
    sweep_all(&["vec-", "box-"]);
}

#[test]
fn shared_values_survive_deaths() {
    sweep_all(&["arc-", "weak-"]);
}

#[test]
fn deques_survive_deaths() {
    sweep_all(&["deque-"]);
}

#[test]
fn lists_survive_deaths() {
    sweep_all(&["list-"]);
}

#[test]
fn slot_maps_and_small_vectors_survive_deaths() {
    sweep_all(&["slots-", "small-"]);
}

#[test]
fn strings_survive_deaths() {
    sweep_all(&["string-"]);
}

#[test]
fn queues_survive_deaths() {
    sweep_all(&["queue-"]);
}

#[test]
fn maps_locks_and_roots_survive_deaths() {
    sweep_all(&["map-", "lock-", "root-"]);
}

#[test]
fn ordered_maps_survive_deaths() {
    sweep_all(&["tree-"]);
}

#[test]
fn messages_survive_deaths() {
    sweep_all(&["unbounded-", "ring-", "topic-"]);
}
