//! What victims die of, and what may be found then.

use anymem_core::container::{ShmArc, ShmBox, ShmHashMap, ShmMpmc, ShmString, ShmVec, ShmWeak};

use super::super::stage::SLAB;
use super::audit::State;
use super::messages;
use super::scene::Scene;
use super::world::{ENTRY, World, long, long_text};

/// Something to die of.
#[derive(Debug, Clone, Copy)]
pub struct ContainerOperation {
    /// What it is called.
    pub name: &'static str,
    /// Makes the world ready.
    pub(super) ready: fn(&Scene<'_>),
    /// What the victim does.
    pub(super) act: fn(&Scene<'_>),
    /// What may be found apart from the states before it and after it.
    pub(super) between: Between,
    /// The most blocks that a death may lose until they are reclaimed.
    pub(super) lost: usize,
}

/// What may be found between before and after.
#[derive(Debug, Clone, Copy)]
pub(super) enum Between {
    /// Nothing: the operation is done or it is not.
    Nothing,
    /// The states after each of these steps.
    Steps(&'static [fn(&Scene<'_>)]),
    /// The states with fewer entries of a map.
    Fewer,
}

impl Between {
    /// Whether `found` may be found between, apart from the states after steps.
    pub(super) fn allows(self, before: &State, found: &State) -> bool {
        match self {
            Self::Nothing | Self::Steps(_) => false,
            Self::Fewer => before.0.iter().zip(&found.0).all(|(before, found)| {
                let had: Vec<_> = before.split(ENTRY).collect();
                found.split(ENTRY).all(|it| had.contains(&it))
            }),
        }
    }
}

pub(super) const fn operation(
    name: &'static str,
    ready: fn(&Scene<'_>),
    act: fn(&Scene<'_>),
    lost: usize,
) -> ContainerOperation {
    ContainerOperation { name, ready, act, between: Between::Nothing, lost }
}

pub(super) const fn in_steps(
    steps: &'static [fn(&Scene<'_>)],
    operation: ContainerOperation,
) -> ContainerOperation {
    ContainerOperation { between: Between::Steps(steps), ..operation }
}

const fn entry_by_entry(operation: ContainerOperation) -> ContainerOperation {
    ContainerOperation { between: Between::Fewer, ..operation }
}

/// All operations.
pub const CONTAINER_OPERATIONS: &[ContainerOperation] = &[
    operation("box-new-drop", nothing, |s| drop(ShmBox::new_in(7_u64, s)), 1),
    operation("box-into-inner", nothing, box_into_inner, 2),
    operation("box-replace", boxes, replace_in_box, 1),
    operation("vec-push", numbers, |s| s.world_mut().numbers.push(9).expect("room"), 0),
    operation("vec-push-first", nothing, |s| s.world_mut().numbers.push(9).expect("room"), 0),
    operation("vec-push-grow", full_numbers, |s| s.world_mut().numbers.push(9).expect("room"), 0),
    operation("vec-push-owning", texts, push_text, 1),
    operation("vec-push-grow-owning", full_texts, push_text, 1),
    operation("vec-push-to-slabs", |s| fill_numbers(s, SLAB / 2), push_9, 0),
    operation("vec-push-in-place", |s| fill_numbers(s, 2 * SLAB), push_9, 0),
    in_steps(&[push_9, push_9], operation("vec-push-open", numbers, push_open, 0)),
    in_steps(&[push_9, push_9], operation("vec-push-open-grow", full_numbers, push_open, 0)),
    in_steps(
        &[push_text, push_text],
        operation("vec-push-open-owning", full_texts, push_texts_open, 1),
    ),
    operation("vec-extend-open", numbers, extend_open, 0),
    operation("vec-pop", numbers, |s| _ = s.world_mut().numbers.pop(), 0),
    operation("vec-pop-owning", texts, |s| drop(s.world_mut().texts.pop()), 1),
    operation("vec-insert", numbers, |s| s.world_mut().numbers.insert(1, 9).expect("room"), 0),
    operation("vec-insert-bytes", bytes, |s| s.world_mut().bytes.insert(3, 9).expect("room"), 0),
    operation("vec-insert-grow", full_numbers, insert_number, 0),
    operation("vec-insert-owning", texts, insert_text, 1),
    operation("vec-remove", numbers, |s| _ = s.world_mut().numbers.remove(1), 0),
    operation("vec-remove-bytes", bytes, |s| _ = s.world_mut().bytes.remove(2), 0),
    operation("vec-remove-owning", texts, |s| drop(s.world_mut().texts.remove(1)), 1),
    operation("vec-swap-remove", numbers, |s| _ = s.world_mut().numbers.swap_remove(1), 0),
    operation("vec-swap-remove-owning", texts, |s| drop(s.world_mut().texts.swap_remove(1)), 1),
    in_steps(
        &[pop_text, pop_text],
        operation("vec-truncate", texts, |s| s.world_mut().texts.truncate(1).expect("room"), 1),
    ),
    operation("vec-clear", numbers, |s| s.world_mut().numbers.clear().expect("room"), 0),
    in_steps(
        &[push_9, push_9],
        operation(
            "vec-extend",
            numbers,
            |s| s.world_mut().numbers.extend([9, 9]).expect("room"),
            1,
        ),
    ),
    in_steps(&[|s| drop(s.world_mut().texts.remove(0))], operation("vec-retain", texts, retain, 1)),
    operation("vec-drain", numbers, |s| drop(s.world_mut().numbers.drain(1..3)), 0),
    operation("vec-drain-owning", texts, |s| drop(s.world_mut().texts.drain(..2)), 2),
    operation("vec-split-off", texts, |s| drop(s.world_mut().texts.split_off(1)), 3),
    in_steps(
        &[|s| drop(s.world_mut().texts.drain(..2))],
        operation("vec-splice", texts, splice, 6),
    ),
    in_steps(&[|s| _ = s.world_mut().numbers.remove(2)], operation("vec-dedup", numbers, dedup, 0)),
    operation("vec-shrink", numbers, |s| s.world_mut().numbers.shrink_to_fit().expect("room"), 0),
    operation("vec-shrink-to-none", emptied, shrink_texts, 0),
    operation("vec-reserve", texts, |s| s.world_mut().texts.reserve(50).expect("room"), 0),
    operation("vec-drop", texts, drop_vec, 3),
    operation("string-push-in-place", |s| set(s, "ab"), |s| push(s, "cd"), 0),
    operation("string-push-out", |s| set(s, "twenty characters ab"), |s| push(s, "cdefg"), 0),
    operation("string-push-room", roomy_text, |s| push(s, "more"), 0),
    operation("string-push-grow", |s| set(s, &long_text(1)), |s| push(s, &long_text(2)), 0),
    operation("string-insert-in-place", |s| set(s, "ab"), |s| insert(s, "cd"), 0),
    operation("string-insert-out", |s| set(s, "twenty characters ab"), |s| insert(s, "cdefg"), 0),
    operation("string-insert", roomy_text, |s| insert(s, "more"), 0),
    operation("string-replace", roomy_text, |s| replace(s, "a longer text instead"), 0),
    operation("string-replace-in-place", |s| set(s, "abcdefg"), |s| replace(s, "x"), 0),
    operation("string-retain", |s| set(s, "abc"), retain_letters, 0),
    operation("string-split-off", |s| set(s, "abcd"), split_text, 0),
    operation("string-pop", |s| set(s, "ab"), |s| _ = s.world_mut().text.pop(), 0),
    operation(
        "string-truncate",
        roomy_text,
        |s| s.world_mut().text.truncate(7).expect("inside"),
        0,
    ),
    operation("string-clear", roomy_text, |s| s.world_mut().text.clear().expect("attached"), 0),
    operation(
        "string-reserve",
        |s| set(s, "ab"),
        |s| s.world_mut().text.reserve(99).expect("room"),
        1,
    ),
    operation("string-shrink", roomy_text, shrink_text, 0),
    operation("string-shrink-in-place", short_in_block, shrink_text, 0),
    operation("string-new-drop", nothing, |s| drop(long(s, 1)), 1),
    operation("map-insert", counts, |s| _ = s.world().counts.insert(50, 1), 0),
    operation("map-insert-first", nothing, |s| _ = s.world().counts.insert(50, 0), 1),
    operation("map-insert-grow", full_counts, |s| _ = s.world().counts.insert(50, 0), 1),
    operation("map-insert-owning", lists, insert_list, 3),
    operation("map-replace-word", counts, |s| _ = s.world().counts.insert(1, 99), 0),
    operation("map-replace", lists, replace_list, 4),
    operation("map-update-word", counts, update_count, 0),
    operation(
        "map-update",
        lists,
        |s| update(s, |list, s| list.push(long(s, 8)).expect("room")),
        2,
    ),
    operation("map-update-remove", lists, |s| update(s, |list, _| drop(list.remove(0))), 1),
    operation(
        "map-update-insert",
        lists,
        |s| update(s, |list, s| list.insert(0, long(s, 8)).expect("room")),
        2,
    ),
    operation("map-replace-wide", wide, |s| _ = s.world().wide.insert(1, [9; 3]), 0),
    operation("map-update-wide", wide, |s| _ = s.world().wide.update(&2, |it| it[1] = 9), 0),
    operation("map-retain-wide", one_wide, retain_wide, 0),
    operation("map-entry", wide, modify_or_insert, 0),
    entry_by_entry(operation(
        "map-drain",
        lists,
        |s| s.world().lists.drain(|_, _| ()).expect("attached"),
        4,
    )),
    operation("map-upsert", lists, upsert, 1),
    operation("map-remove", lists, |s| drop(s.world().lists.remove(long_text(1).as_str())), 4),
    entry_by_entry(operation("map-retain", lists, retain_lists, 4)),
    entry_by_entry(operation(
        "map-clear",
        lists,
        |s| s.world().lists.clear().expect("attached"),
        4,
    )),
    operation("map-reserve", lists, |s| s.world().lists.reserve(30).expect("room"), 0),
    operation("map-new-drop", nothing, new_map, 4),
    operation("lock-vec-remove", guarded, |s| drop(s.world().guarded().remove(1)), 1),
    operation("lock-vec-insert", guarded, insert_guarded, 1),
    operation("queue-push", jobs, |s| push_jobs(s, 1), 1),
    operation("queue-push-last", three_jobs, |s| push_jobs(s, 1), 1),
    operation("queue-push-full", full_jobs, |s| push_jobs(s, 1), 1),
    in_steps(
        &[|s| push_jobs(s, 1), |s| push_jobs(s, 1)],
        operation("queue-push-many", jobs, |s| push_jobs(s, 2), 1),
    ),
    operation("queue-pop", jobs, |s| drop(s.world().jobs.try_pop()), 1),
    operation("queue-pop-full", full_jobs, |s| drop(s.world().jobs.try_pop()), 1),
    operation("queue-pop-empty", nothing, |s| drop(s.world().jobs.try_pop()), 0),
    in_steps(
        &[|s| drop(s.world().jobs.try_pop()), |s| drop(s.world().jobs.try_pop())],
        operation("queue-pop-many", jobs, |s| _ = s.world().jobs.try_pop_many(2, drop), 1),
    ),
    operation("queue-mpsc-push", letters, push_letter, 1),
    operation("queue-mpsc-pop", letters, pop_letter, 1),
    operation("queue-spsc-push", lane, push_lane, 1),
    operation("queue-spsc-pop", lane, pop_lane, 1),
    operation("queue-new-drop", nothing, new_queue, 2),
    operation("arc-new-drop", nothing, |s| drop(ShmArc::new_in(long(s, 1), s)), 2),
    operation("arc-cyclic", nothing, cyclic, 2),
    operation("arc-clone", arcs, clone_arc, 0),
    operation("arc-drop", arcs, |s| drop(s.world_mut().arcs.pop()), 0),
    // The block of the text, and that of the value.
    operation("arc-drop-last", lone_arc, |s| drop(s.world_mut().arcs.pop()), 2),
    operation("arc-into-inner", lone_arc, arc_into_inner, 2),
    operation("arc-replace", arcs, replace_arc, 2),
    operation("arc-make-mut", shared_count, make_mut, 0),
    operation("arc-downgrade", arcs, downgrade, 0),
    operation("arc-upgrade", arcs, upgrade, 0),
    operation("weak-drop", arcs, |s| drop(s.world_mut().weaks.pop()), 0),
    operation("weak-drop-last", gone, |s| drop(s.world_mut().weaks.pop()), 1),
    operation("weak-outlives", watched, |s| drop(s.world_mut().arcs.pop()), 1),
    operation("unbounded-push", messages::jobs, messages::push_job, 0),
    operation("unbounded-push-chunk", messages::full_jobs, messages::push_job, 0),
    operation("unbounded-pop", messages::jobs, messages::pop_job, 0),
    operation("unbounded-pop-chunk", messages::spent_jobs, messages::pop_job, 0),
    operation("ring-send", messages::log, messages::send_line, 0),
    operation("ring-send-around", messages::log_to_the_end, messages::send_line, 0),
    operation("ring-give-up", messages::log, messages::give_up_line, 0),
    operation("ring-read", messages::log, messages::read_log, 0),
    operation("topic-send", messages::mail, messages::send_letter, 0),
    operation("topic-give-up", messages::mail, messages::give_up_letter, 0),
    operation("topic-receive", messages::mail, messages::receive_letter, 0),
    operation("topic-send-again", messages::read_mail, messages::send_letter, 0),
    operation("topic-send-long", messages::all_mail_read, messages::send_long_letter, 0),
    operation("topic-trim", messages::all_mail_read, messages::trim_mail, 0),
    operation("root-bind", nothing, |s| s.bind_other(5), 1),
    operation("root-unbind", |s| s.bind_other(5), |s| s.unbind_other(), 1),
    operation("root-find", |s| s.bind_other(5), |s| _ = s.other(), 0),
];

pub(super) fn nothing(_: &Scene<'_>) {}

fn numbers(scene: &Scene<'_>) {
    let World { numbers, .. } = scene.world_mut();
    numbers.extend(1..=5).expect("room");
    numbers.reserve(7).expect("room");
}

fn full_numbers(scene: &Scene<'_>) {
    numbers(scene);
    while scene.world().numbers.len() < scene.world().numbers.capacity() {
        push_9(scene);
    }
}

/// Pushes until as many bytes are full.
fn fill_numbers(scene: &Scene<'_>, bytes: usize) {
    (0..(bytes / size_of::<u64>()) as u64)
        .try_for_each(|number| scene.world_mut().numbers.push(number))
        .expect("room");
    assert_eq!(scene.world().numbers.len(), scene.world().numbers.capacity());
}

fn push_9(scene: &Scene<'_>) {
    scene.world_mut().numbers.push(9).expect("room");
}

fn push_open(scene: &Scene<'_>) {
    let mut open = scene.world_mut().numbers.open().expect("attached");
    (0..3).for_each(|_| open.push(9).expect("room"));
}

fn extend_open(scene: &Scene<'_>) {
    let mut open = scene.world_mut().numbers.open().expect("attached");
    open.extend_from_slice(&[9; 20]).expect("room");
}

fn insert_number(scene: &Scene<'_>) {
    scene.world_mut().numbers.insert(2, 77).expect("room");
}

fn bytes(scene: &Scene<'_>) {
    scene.world_mut().bytes.extend(1..=30).expect("room");
    scene.world_mut().bytes.reserve(2).expect("room");
}

fn texts(scene: &Scene<'_>) {
    (1..=3).for_each(|number| scene.world_mut().texts.push(long(scene, number)).expect("room"));
}

fn full_texts(scene: &Scene<'_>) {
    texts(scene);
    while scene.world().texts.len() < scene.world().texts.capacity() {
        push_text(scene);
    }
}

fn emptied(scene: &Scene<'_>) {
    texts(scene);
    scene.world_mut().texts.clear().expect("attached");
}

fn push_text(scene: &Scene<'_>) {
    scene.world_mut().texts.push(long(scene, 9)).expect("room");
}

fn push_texts_open(scene: &Scene<'_>) {
    let mut open = scene.world_mut().texts.open().expect("attached");
    (0..3).for_each(|_| open.push(long(scene, 9)).expect("room"));
}

fn pop_text(scene: &Scene<'_>) {
    drop(scene.world_mut().texts.pop());
}

fn insert_text(scene: &Scene<'_>) {
    scene.world_mut().texts.insert(1, long(scene, 9)).expect("room");
}

fn shrink_texts(scene: &Scene<'_>) {
    scene.world_mut().texts.shrink_to_fit().expect("room");
}

/// All but the second are dropped.
fn retain(scene: &Scene<'_>) {
    let is_second = |text: &mut ShmString| *text == *long_text(2);
    scene.world_mut().texts.retain(is_second).expect("attached");
}

/// Two of three are exchanged for two others.
fn splice(scene: &Scene<'_>) {
    let new = [4, 5].map(|number| long(scene, number));
    drop(scene.world_mut().texts.splice(..2, new).expect("room"));
}

/// The third and the fifth of 1 to 5 go.
fn dedup(scene: &Scene<'_>) {
    scene.world_mut().numbers.dedup_by_key(|number| *number / 2 % 2).expect("attached");
}

fn drop_vec(scene: &Scene<'_>) {
    let mut list = ShmVec::new_in(scene);
    (0..2).for_each(|number| list.push(long(scene, number)).expect("room"));
}

fn boxes(scene: &Scene<'_>) {
    for number in 0..2 {
        let made = ShmBox::new_in(long(scene, number), scene).expect("room");
        scene.world_mut().boxes.push(made).expect("room");
    }
}

fn replace_in_box(scene: &Scene<'_>) {
    let new = long(scene, 9);
    let [_, second] = scene.world_mut().boxes.as_mut_slice().expect("attached") else { return };
    drop(second.replace(new).expect("room"));
}

fn box_into_inner(scene: &Scene<'_>) {
    drop(ShmBox::new_in(long(scene, 1), scene).expect("room").into_inner());
}

/// Three handles of one value, and a weak one.
fn arcs(scene: &Scene<'_>) {
    watched(scene);
    let World { arcs, weaks, .. } = scene.world_mut();
    (0..2).for_each(|_| clone_arc(scene));
    arcs.reserve(4).expect("room");
    weaks.reserve(4).expect("room");
}

/// The only handle of a value.
fn lone_arc(scene: &Scene<'_>) {
    let value = ShmArc::new_in(long(scene, 1), scene).expect("room");
    scene.world_mut().arcs.push(value).expect("room");
}

/// The only handle of a value, and a weak one.
fn watched(scene: &Scene<'_>) {
    lone_arc(scene);
    downgrade(scene);
}

/// A weak handle of a value that is gone.
fn gone(scene: &Scene<'_>) {
    watched(scene);
    drop(scene.world_mut().arcs.pop());
}

fn first<'s>(scene: &'s Scene<'_>) -> &'s ShmArc<ShmString> {
    scene.world().arcs.get(0).expect("in order").expect("one")
}

fn clone_arc(scene: &Scene<'_>) {
    let clone = first(scene).try_clone().expect("in order");
    scene.world_mut().arcs.push(clone).expect("room");
}

fn downgrade(scene: &Scene<'_>) {
    let weak = first(scene).downgrade().expect("in order");
    scene.world_mut().weaks.push(weak).expect("room");
}

fn upgrade(scene: &Scene<'_>) {
    let weak = scene.world().weaks.get(0).expect("in order").expect("one");
    let value = weak.upgrade().expect("in order").expect("there");
    scene.world_mut().arcs.push(value).expect("room");
}

fn arc_into_inner(scene: &Scene<'_>) {
    let handle = scene.world_mut().arcs.pop().expect("in order").expect("one");
    drop(handle.into_inner().expect("in order").expect("the only one"));
}

/// The last of three handles becomes that of another value.
fn replace_arc(scene: &Scene<'_>) {
    let new = ShmArc::new_in(long(scene, 9), scene).expect("room");
    let [_, _, last] = scene.world_mut().arcs.as_mut_slice().expect("in order") else { return };
    drop(last.replace(new));
}

/// Two handles of a number.
fn shared_count(scene: &Scene<'_>) {
    let number = ShmArc::new_in(5, scene).expect("room");
    scene.world_mut().shared[0] = number.try_clone().expect("in order");
    scene.world_mut().shared[1] = number;
}

fn make_mut(scene: &Scene<'_>) {
    scene.world_mut().shared[1].make_mut().expect("room");
}

/// A value that knows itself, and is dropped.
fn cyclic(scene: &Scene<'_>) {
    let make = |weak: &ShmWeak<ShmString>| weak.try_clone().map(|_| long(scene, 1));
    drop(ShmArc::new_cyclic_in(scene, make).expect("room"));
}

fn set(scene: &Scene<'_>, text: &str) {
    push(scene, text);
}

fn push(scene: &Scene<'_>, text: &str) {
    scene.world_mut().text.push_str(text).expect("room");
}

fn insert(scene: &Scene<'_>, text: &str) {
    scene.world_mut().text.insert_str(1, text).expect("room");
}

fn replace(scene: &Scene<'_>, text: &str) {
    scene.world_mut().text.replace_range(2..6, text).expect("room");
}

fn retain_letters(scene: &Scene<'_>) {
    scene.world_mut().text.retain(|letter| letter != 'b').expect("room");
}

fn split_text(scene: &Scene<'_>) {
    drop(scene.world_mut().text.split_off(2).expect("room"));
}

/// Text in a block with room.
fn roomy_text(scene: &Scene<'_>) {
    set(scene, &long_text(1));
    scene.world_mut().text.reserve(50).expect("room");
}

/// Text in a block, where it need not be.
fn short_in_block(scene: &Scene<'_>) {
    roomy_text(scene);
    scene.world_mut().text.truncate(20).expect("inside");
}

fn shrink_text(scene: &Scene<'_>) {
    scene.world_mut().text.shrink_to_fit().expect("room");
}

fn counts(scene: &Scene<'_>) {
    (0..4).for_each(|key| _ = scene.world().counts.insert(key, key * 10));
}

/// As many as there is room for.
fn full_counts(scene: &Scene<'_>) {
    (0..7).for_each(|key| _ = scene.world().counts.insert(key, key * 10));
}

fn wide(scene: &Scene<'_>) {
    (0..4).for_each(|key| _ = scene.world().wide.insert(key, [key; 3]));
}

fn one_wide(scene: &Scene<'_>) {
    assert_eq!(scene.world().wide.insert(1, [1; 3]), Ok(None));
}

fn retain_wide(scene: &Scene<'_>) {
    let keep = |_: &u64, value: &mut [u64; 3]| {
        *value = [2; 3];
        true
    };
    scene.world().wide.retain(keep).expect("attached");
}

fn modify_or_insert(scene: &Scene<'_>) {
    let entry = scene.world().wide.entry(3).expect("attached");
    let entry = entry.and_modify(|value| value[0] = 77).expect("whole");
    drop(entry.or_insert([0; 3]).expect("there"));
}

fn guarded(scene: &Scene<'_>) {
    scene.world().guarded().extend((1..=3).map(|number| long(scene, number))).expect("room");
}

fn insert_guarded(scene: &Scene<'_>) {
    let text = long(scene, 9);
    scene.world().guarded().insert(0, text).expect("room");
}

fn update_count(scene: &Scene<'_>) {
    scene.world().counts.update(&1, |count| *count += 1).expect("attached").expect("there");
}

fn list(scene: &Scene<'_>, len: u64) -> ShmVec<ShmString> {
    let mut list = ShmVec::new_in(scene);
    (0..len).for_each(|number| list.push(long(scene, number)).expect("room"));
    list
}

fn lists(scene: &Scene<'_>) {
    for number in 1..=3 {
        drop(scene.world().lists.insert(long(scene, number), list(scene, 2)).expect("room"));
    }
}

fn insert_list(scene: &Scene<'_>) {
    drop(scene.world().lists.insert(long(scene, 9), list(scene, 1)).expect("room"));
}

fn replace_list(scene: &Scene<'_>) {
    drop(scene.world().lists.insert(long(scene, 1), list(scene, 1)).expect("room"));
}

fn update(scene: &Scene<'_>, change: fn(&mut ShmVec<ShmString>, &Scene<'_>)) {
    let key = long_text(2);
    let changed = scene.world().lists.update(key.as_str(), |list| change(list, scene));
    changed.expect("attached").expect("there");
}

fn upsert(scene: &Scene<'_>) {
    let key = long_text(9);
    let map = &scene.world().lists;
    let make = |heap: &dyn anymem_core::allocator::Allocator| ShmString::from_str_in(&key, heap);
    map.upsert(key.as_str(), make, ShmVec::new_in(scene), |_| ()).expect("room");
}

fn retain_lists(scene: &Scene<'_>) {
    let keep = |key: &ShmString, _: &mut ShmVec<ShmString>| *key == *long_text(2);
    scene.world().lists.retain(keep).expect("attached");
}

fn new_map(scene: &Scene<'_>) {
    let map = ShmHashMap::<u64, ShmString>::with_shards_in(1, scene).expect("room");
    drop(map.insert(1, long(scene, 1)).expect("room"));
}

fn push_jobs(scene: &Scene<'_>, count: u64) {
    let jobs = &scene.world().jobs;
    let from = jobs.len().expect("attached") as u64;
    let _ = jobs.try_push_many((from..from + count).map(|number| long(scene, number)));
}

fn jobs(scene: &Scene<'_>) {
    push_jobs(scene, 2);
}

fn three_jobs(scene: &Scene<'_>) {
    push_jobs(scene, 3);
}

fn full_jobs(scene: &Scene<'_>) {
    push_jobs(scene, 4);
}

fn letters(scene: &Scene<'_>) {
    (0..2).for_each(|_| push_letter(scene));
}

fn push_letter(scene: &Scene<'_>) {
    scene.world().letters.try_push(long(scene, 5)).expect("room");
}

fn pop_letter(scene: &Scene<'_>) {
    drop(scene.world().letters.consumer().expect("nobody has it").try_pop());
}

fn lane(scene: &Scene<'_>) {
    (0..2).for_each(|_| push_lane(scene));
}

fn push_lane(scene: &Scene<'_>) {
    let mut end = scene.world().lane.producer().expect("nobody has it");
    end.try_push(long(scene, 6)).expect("room");
}

fn pop_lane(scene: &Scene<'_>) {
    drop(scene.world().lane.consumer().expect("nobody has it").try_pop());
}

fn new_queue(scene: &Scene<'_>) {
    let queue = ShmMpmc::new_in(2, scene).expect("room");
    queue.try_push(long(scene, 1)).expect("room");
}
