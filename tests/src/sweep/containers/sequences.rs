//! What victims die of that change deques and their kin.

use anymem_core::allocator::Allocator;
use anymem_core::container::list::CursorMut;
use anymem_core::container::{
    ContainerError, ShmDeque, ShmList, ShmSafe, ShmSlotMap, ShmSmallVec, ShmString, SlotKey,
};

use super::operations::{ContainerOperation, in_steps, nothing, operation};
use super::scene::Scene;
use super::world::{long, long_text};

/// What the victim changes: the elements own blocks.
#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
pub(super) struct Sequences {
    deque: ShmDeque<ShmString>,
    list: ShmList<ShmString>,
    slots: ShmSlotMap<ShmString>,
    small: ShmSmallVec<ShmString, 3>,
}

impl Sequences {
    pub(super) fn new(heap: &dyn Allocator) -> Self {
        Self {
            deque: ShmDeque::new_in(heap),
            list: ShmList::new_in(heap),
            slots: ShmSlotMap::new_in(heap),
            small: ShmSmallVec::new_in(heap),
        }
    }

    /// All that is in it, a line for each.
    pub(super) fn contents(&self) -> Vec<String> {
        vec![
            format!("deque {:?}", self.deque),
            format!("list {:?}", self.list),
            format!("slots {} {:?}", self.slots.len(), self.slots),
            format!("small {:?}", self.small),
        ]
    }

    /// Looks whether everything is in order.
    pub(super) fn check(&self) -> Result<(), ContainerError> {
        self.deque.check()?;
        self.deque.iter()?.try_for_each(ShmString::check)?;
        self.list.check()?;
        self.list.iter()?.try_for_each(ShmString::check)?;
        self.slots.check()?;
        self.slots.values()?.try_for_each(ShmString::check)?;
        self.small.check()?;
        self.small.iter()?.try_for_each(ShmString::check)
    }

    /// Uses everything, and leaves it as it was.
    pub(super) fn use_all(&mut self, heap: &dyn Allocator) -> Result<(), ContainerError> {
        for number in 0..10 {
            self.deque.push_back(long(heap, number))?;
            self.deque.push_front(long(heap, number))?;
            self.list.push_back(long(heap, number))?;
            self.list.push_front(long(heap, number))?;
        }
        self.deque.insert(1, long(heap, 1))?;
        self.deque.remove(1)?;
        for _ in 0..10 {
            self.deque.pop_back()?;
            self.deque.pop_front()?;
            self.list.pop_back()?;
            self.list.pop_front()?;
        }
        self.deque.make_contiguous()?;
        self.deque.shrink_to_fit()?;
        let texts = (0..10).map(|number| long(heap, number));
        let keys = texts.map(|text| self.slots.insert(text)).collect::<Result<Vec<_>, _>>()?;
        keys.into_iter().try_for_each(|key| self.slots.remove(key).map(drop))?;
        (0..10).try_for_each(|number| self.small.insert(0, long(heap, number)))?;
        drop(self.small.drain(..10)?);
        self.small.shrink_to_fit()
    }
}

/// All operations.
pub const SEQUENCE_OPERATIONS: &[ContainerOperation] = &[
    operation("deque-push-back", deque, push_back, 1),
    operation("deque-push-front", deque, push_front, 1),
    operation("deque-push-first", nothing, push_front, 1),
    operation("deque-push-grow", full_deque, push_back, 1),
    operation("deque-pop-back", deque, pop_back, 1),
    operation("deque-pop-front", deque, pop_front, 1),
    operation("deque-insert-in-front", deque, |s| insert(s, 1), 1),
    operation("deque-insert-behind", deque, |s| insert(s, 3), 1),
    operation("deque-remove-in-front", deque, |s| drop(in_deque(s).remove(1)), 1),
    operation("deque-remove-behind", deque, |s| drop(in_deque(s).remove(2)), 1),
    in_steps(
        &[|s| drop(in_deque(s).remove(0)), |s| drop(in_deque(s).remove(1))],
        operation("deque-retain", deque, retain, 1),
    ),
    in_steps(&[pop_back], operation("deque-truncate", deque, truncate, 1)),
    operation("deque-drain", deque, |s| drop(in_deque(s).drain(1..3)), 2),
    operation("deque-reserve", deque, |s| in_deque(s).reserve(20).expect("room"), 0),
    operation("deque-shrink", roomy_deque, |s| in_deque(s).shrink_to_fit().expect("room"), 0),
    operation("deque-contiguous", roomy_deque, make_contiguous, 0),
    operation("deque-contiguous-grow", full_deque, make_contiguous, 0),
    operation("deque-new-drop", nothing, new_deque, 3),
    operation("list-push-back", list, |s| in_list(s).push_back(long(s, 9)).expect("room"), 1),
    operation("list-push-front", list, |s| in_list(s).push_front(long(s, 9)).expect("room"), 1),
    operation("list-push-first", nothing, |s| in_list(s).push_back(long(s, 9)).expect("room"), 1),
    operation("list-pop-back", list, |s| drop(in_list(s).pop_back()), 1),
    operation("list-pop-front", list, |s| drop(in_list(s).pop_front()), 1),
    operation("list-insert", list, |s| at_second(s, |it, text| it.insert_before(text)), 1),
    operation("list-insert-after", list, |s| at_second(s, |it, text| it.insert_after(text)), 1),
    operation("list-remove", list, remove_second, 1),
    in_steps(
        &[|s| drop(in_list(s).pop_front())],
        operation("list-retain", list, |s| in_list(s).retain(is_second).expect("attached"), 1),
    ),
    in_steps(
        &[|s| drop(in_list(s).pop_front()), |s| drop(in_list(s).pop_front())],
        operation("list-clear", list, |s| in_list(s).clear().expect("attached"), 1),
    ),
    in_steps(
        &[|s| drop(in_list(s).split_off(1))],
        operation("list-split-and-append", list, split_and_append, 4),
    ),
    in_steps(
        &[|s| drop(split_before(s))],
        operation("list-split-and-splice", list, split_and_splice, 2),
    ),
    operation("list-new-drop", nothing, new_list, 4),
    operation("slots-insert-first", nothing, insert_slot, 1),
    operation("slots-insert", slots, insert_slot, 1),
    operation("slots-insert-vacant", vacant_slots, insert_slot, 1),
    operation("slots-insert-grow", full_slots, insert_slot, 1),
    operation("slots-remove", slots, |s| remove_slot(s, 1), 1),
    operation("slots-remove-vacant", vacant_slots, |s| remove_slot(s, 2), 1),
    in_steps(
        &[|s| remove_slot(s, 0), |s| remove_slot(s, 1)],
        operation("slots-clear", slots, |s| in_slots(s).clear().expect("attached"), 1),
    ),
    operation("small-push", two_in_place, push_small, 1),
    operation("small-push-spill", three_in_place, push_small, 1),
    operation("small-push-grow", full_block, push_small, 1),
    operation("small-insert", two_in_place, insert_small, 1),
    operation("small-insert-spill", three_in_place, insert_small, 1),
    operation("small-remove", three_in_place, |s| drop(in_small(s).remove(0)), 1),
    operation("small-remove-block", in_block, |s| drop(in_small(s).remove(0)), 1),
    operation("small-pop", three_in_place, |s| drop(in_small(s).pop()), 1),
    operation("small-drain", three_in_place, |s| drop(in_small(s).drain(..2)), 2),
    in_steps(
        &[|s| drop(in_small(s).remove(0))],
        operation("small-retain", three_in_place, retain_small, 1),
    ),
    operation("small-shrink", in_block, shrink_small, 0),
    operation("small-shrink-in-place", short_in_block, shrink_small, 0),
];

fn in_deque<'s>(scene: &'s Scene<'_>) -> &'s mut ShmDeque<ShmString> {
    &mut scene.world_mut().sequences.deque
}

fn push_back(scene: &Scene<'_>) {
    in_deque(scene).push_back(long(scene, 9)).expect("room");
}

fn push_front(scene: &Scene<'_>) {
    in_deque(scene).push_front(long(scene, 8)).expect("room");
}

fn pop_back(scene: &Scene<'_>) {
    drop(in_deque(scene).pop_back());
}

fn pop_front(scene: &Scene<'_>) {
    drop(in_deque(scene).pop_front());
}

/// Four elements: two before the end of the block, two behind it.
fn deque(scene: &Scene<'_>) {
    for number in 1..=2 {
        in_deque(scene).push_back(long(scene, 2 + number)).expect("room");
        in_deque(scene).push_front(long(scene, 3 - number)).expect("room");
    }
}

fn full_deque(scene: &Scene<'_>) {
    deque(scene);
    while in_deque(scene).len() < in_deque(scene).capacity() {
        push_back(scene);
    }
}

fn roomy_deque(scene: &Scene<'_>) {
    in_deque(scene).reserve(16).expect("room");
    deque(scene);
}

fn insert(scene: &Scene<'_>, index: usize) {
    in_deque(scene).insert(index, long(scene, 9)).expect("room");
}

/// The first and the third are dropped.
fn retain(scene: &Scene<'_>) {
    let is_kept = |text: &ShmString| *text != *long_text(1) && *text != *long_text(3);
    in_deque(scene).retain(is_kept).expect("attached");
}

fn truncate(scene: &Scene<'_>) {
    in_deque(scene).truncate(2).expect("attached");
}

fn make_contiguous(scene: &Scene<'_>) {
    in_deque(scene).make_contiguous().expect("room");
}

fn new_deque(scene: &Scene<'_>) {
    let texts = (0..2).map(|number| long(scene, number));
    drop(ShmDeque::from_iter_in(texts, scene).expect("room"));
}

fn in_list<'s>(scene: &'s Scene<'_>) -> &'s mut ShmList<ShmString> {
    &mut scene.world_mut().sequences.list
}

fn list(scene: &Scene<'_>) {
    (1..=3).for_each(|number| in_list(scene).push_back(long(scene, number)).expect("room"));
}

fn is_second(text: &ShmString) -> bool {
    *text == *long_text(2)
}

fn second<'s>(scene: &'s Scene<'_>) -> CursorMut<'s, ShmString> {
    let mut cursor = in_list(scene).cursor_front_mut().expect("attached");
    cursor.move_next().expect("attached");
    cursor
}

fn at_second(
    scene: &Scene<'_>,
    act: fn(&mut CursorMut<'_, ShmString>, ShmString) -> Result<(), ContainerError>,
) {
    act(&mut second(scene), long(scene, 9)).expect("room");
}

fn remove_second(scene: &Scene<'_>) {
    drop(second(scene).remove_current());
}

fn split_and_append(scene: &Scene<'_>) {
    let mut rest = in_list(scene).split_off(1).expect("attached");
    in_list(scene).append(&mut rest).expect("attached");
}

fn split_before(scene: &Scene<'_>) -> ShmList<ShmString> {
    second(scene).split_before().expect("attached")
}

/// What was before the second goes behind it.
fn split_and_splice(scene: &Scene<'_>) {
    let front = split_before(scene);
    let mut cursor = in_list(scene).cursor_front_mut().expect("attached");
    cursor.splice_after(front).expect("attached");
}

fn new_list(scene: &Scene<'_>) {
    let texts = (0..2).map(|number| long(scene, number));
    drop(ShmList::from_iter_in(texts, scene).expect("room"));
}

fn in_slots<'s>(scene: &'s Scene<'_>) -> &'s mut ShmSlotMap<ShmString> {
    &mut scene.world_mut().sequences.slots
}

fn insert_slot(scene: &Scene<'_>) {
    in_slots(scene).insert(long(scene, 9)).expect("room");
}

/// Removes what is in a place.
fn remove_slot(scene: &Scene<'_>, index: u64) {
    let first_use = SlotKey::from_bits(1 << 32 | index);
    drop(in_slots(scene).remove(first_use).expect("attached"));
}

fn slots(scene: &Scene<'_>) {
    (1..=3).for_each(|number| _ = in_slots(scene).insert(long(scene, number)).expect("room"));
}

fn vacant_slots(scene: &Scene<'_>) {
    slots(scene);
    (0..2).for_each(|index| remove_slot(scene, index));
}

fn full_slots(scene: &Scene<'_>) {
    slots(scene);
    while in_slots(scene).len() < in_slots(scene).capacity() {
        insert_slot(scene);
    }
}

fn in_small<'s>(scene: &'s Scene<'_>) -> &'s mut ShmSmallVec<ShmString, 3> {
    &mut scene.world_mut().sequences.small
}

fn push_small(scene: &Scene<'_>) {
    in_small(scene).push(long(scene, 9)).expect("room");
}

fn insert_small(scene: &Scene<'_>) {
    in_small(scene).insert(0, long(scene, 8)).expect("room");
}

fn two_in_place(scene: &Scene<'_>) {
    (1..=2).for_each(|number| in_small(scene).push(long(scene, number)).expect("room"));
}

fn three_in_place(scene: &Scene<'_>) {
    two_in_place(scene);
    in_small(scene).push(long(scene, 3)).expect("room");
}

fn in_block(scene: &Scene<'_>) {
    three_in_place(scene);
    push_small(scene);
}

fn full_block(scene: &Scene<'_>) {
    in_block(scene);
    while in_small(scene).len() < in_small(scene).capacity() {
        push_small(scene);
    }
}

fn short_in_block(scene: &Scene<'_>) {
    in_block(scene);
    drop(in_small(scene).pop());
}

/// All but the second are dropped.
fn retain_small(scene: &Scene<'_>) {
    in_small(scene).retain(|text| is_second(text)).expect("attached");
}

fn shrink_small(scene: &Scene<'_>) {
    in_small(scene).shrink_to_fit().expect("room");
}
