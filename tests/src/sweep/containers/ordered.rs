//! What victims do to ordered maps, at each kind of change that a tree knows.
//!
//! Up to 14 entries are in a node; a full one is split 7 to 6, and one with less
//! than 6 gets more. (On machines with shorter words other keys lead to the same.)

use anymem_core::container::ShmBTreeMap;

use super::operations::{ContainerOperation, in_steps, operation};
use super::scene::Scene;
use super::world::long;

/// All operations on ordered maps.
pub const ORDERED_OPERATIONS: &[ContainerOperation] = &[
    operation("tree-insert-first", |_| (), |s| insert(s, 5), 1),
    operation("tree-insert", |s| fill(s, 5), |s| insert(s, 25), 1),
    operation("tree-insert-at-root", |s| fill(s, 14), |s| insert(s, 25), 1),
    operation("tree-insert-split", |s| fill(s, 22), |s| insert(s, 999), 1),
    operation("tree-insert-split-all", |s| fill(s, 126), |s| insert(s, 9999), 1),
    operation("tree-replace", |s| fill(s, 5), |s| insert(s, 20), 1),
    operation("tree-replace-inner", |s| fill(s, 22), |s| insert(s, 70), 1),
    operation("tree-remove", |s| fill(s, 5), |s| remove(s, 20), 1),
    operation("tree-remove-last", |s| fill(s, 1), |s| remove(s, 0), 1),
    operation("tree-remove-inner", |s| fill(s, 22), |s| remove(s, 70), 1),
    operation("tree-remove-merge", one_from_merge, |s| remove(s, 90), 1),
    operation("tree-remove-move-right", one_from_move_right, |s| remove(s, 90), 1),
    operation("tree-remove-move-left", one_from_move_left, |s| remove(s, 10), 1),
    operation("tree-remove-merge-inner", |s| nine_less(s, 127), |s| remove(s, 90), 1),
    operation("tree-remove-move-inner", |s| nine_less(s, 151), |s| remove(s, 90), 1),
    operation("tree-pop-first", |s| fill(s, 20), |s| drop(s.world_mut().tree.pop_first()), 1),
    in_steps(
        &[|s| remove(s, 0), |s| remove(s, 20)],
        operation("tree-retain", |s| fill(s, 5), retain, 1),
    ),
    operation("tree-clear", |s| fill(s, 30), |s| s.world_mut().tree.clear().expect("attached"), 1),
    operation("tree-new-drop", |_| (), new_and_drop, 3),
];

fn insert(scene: &Scene<'_>, key: u64) {
    let text = long(scene, key);
    drop(scene.world_mut().tree.insert(key, text).expect("room"));
}

fn remove(scene: &Scene<'_>, key: u64) {
    let gone = scene.world_mut().tree.remove(&key).expect("attached");
    assert!(gone.is_some(), "{key} was there");
}

/// Keys 0, 10, 20, …
fn fill(scene: &Scene<'_>, count: u64) {
    (0..count).for_each(|number| insert(scene, 10 * number));
}

/// Two leaves of which the second gets too few with the next one that goes.
fn one_from_merge(scene: &Scene<'_>) {
    fill(scene, 15);
    remove(scene, 80);
}

fn one_from_move_right(scene: &Scene<'_>) {
    one_from_merge(scene);
    (1..8).for_each(|key| insert(scene, key));
}

fn one_from_move_left(scene: &Scene<'_>) {
    fill(scene, 22);
    remove(scene, 0);
}

/// Three levels; the next one that goes leaves too few also above its leaf.
fn nine_less(scene: &Scene<'_>, count: u64) {
    fill(scene, count);
    (0..9).for_each(|number| remove(scene, 10 * number));
}

/// All but 10, 30 and 40 are dropped.
fn retain(scene: &Scene<'_>) {
    scene.world_mut().tree.retain(|key, _| *key != 0 && *key != 20).expect("attached");
}

fn new_and_drop(scene: &Scene<'_>) {
    let mut tree = ShmBTreeMap::new_in(scene);
    (0..2).for_each(|key| drop(tree.insert(key, long(scene, key)).expect("room")));
}
