//! Memory that runs out: a value, not the end; and all of it comes back.

use alloc::vec::Vec;
use core::hint::black_box;

use super::hoard::Hoard;
use crate::heap::{self, HEAP};
use crate::{say, team};

/// Takes everything, large blocks first; how many bytes.
fn take_all() -> usize {
    let large = Hoard::of_blocks(64 << 10);
    let small = Hoard::of_blocks(48);
    let mut more = Vec::<u64>::new();
    assert!(more.try_reserve(1 << 20).is_err(), "there is still memory");
    large.bytes() + small.bytes()
}

/// What was freed can be had again, all of it.
pub fn of_one() {
    let first = take_all();
    HEAP.check().expect("the heap is broken");
    let again = take_all();
    say!("taken: {} KiB, and again {} KiB", first >> 10, again >> 10);
    assert!(again >= first / 100 * 99, "memory was lost");
    assert!(first >= HEAP.capacity() / 100 * 90, "of {} bytes", HEAP.capacity());
}

/// Processors that take everything get as much together as one does.
pub fn of_all() {
    team::on_all(|_| drop(Hoard::of_blocks(4 << 10)));
    assert!(take_all() >= HEAP.capacity() / 100 * 90, "memory was lost");
}

/// Where there was no room, there is when the heap has grown.
pub fn of_a_heap_that_grows() {
    let before = HEAP.capacity();
    let hoard = Hoard::of_blocks(4 << 10);
    heap::grow(4);
    let more = Hoard::of_blocks(4 << 10);
    assert!(more.count > 0 && HEAP.capacity() > before, "the heap did not grow");
    drop(hoard);
    drop(more);
    assert!(take_all() >= HEAP.capacity() / 100 * 90, "memory was lost");
}

/// A task that asks for too much ends by `handle_alloc_error`; the machine goes on.
pub fn of_a_task() {
    let others = team::online() - 1;
    team::doom(|number| {
        if number == 1 {
            black_box(Vec::<u8>::with_capacity(1 << 40));
        }
    });
    assert_eq!(team::online(), others.max(1), "processors after one has died");
    assert!(take_all() >= HEAP.capacity() / 100 * 90, "memory was lost");
}
