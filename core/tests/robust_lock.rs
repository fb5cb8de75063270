//! The robust lock: exclusion, takeover, and trying again and again.

#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::thread;
use std::time::Duration;

use anymem_core::offset::Offset;
use anymem_core::sync::{Acquired, Bytes, LockWord, RobustLock};
use common::{Processes, play};

#[test]
fn can_be_tried_any_number_of_times() {
    let (word, processes) = (LockWord::new(), Processes::new([1, 2]));
    let (me, other) = (play(1), play(2));
    for _ in 0..1000 {
        assert_eq!(word.robust().try_acquire(me, &processes), Some(Acquired::Free));
        assert_eq!(word.robust().try_acquire(other, &processes), None);
        assert_eq!(word.robust().try_acquire(me, &processes), None, "not re-entrant");
        assert_eq!(word.robust().holder(), Some(me));
        word.robust().release();
    }
    assert_eq!(word.robust().holder(), None);
}

#[test]
fn is_taken_over_from_the_dead_once() {
    let (word, processes) = (LockWord::new(), Processes::new([1, 2, 3]));
    let dead = play(2);
    assert_eq!(word.robust().acquire(&processes), Acquired::Free);
    processes.kill(2);
    play(1);
    assert_eq!(word.robust().acquire(&processes), Acquired::Recovered(dead));
    let third = play(3);
    assert_eq!(word.robust().try_acquire(third, &processes), None);
    word.robust().release();
    assert_eq!(word.robust().acquire(&processes), Acquired::Free);
}

#[test]
fn a_recoverer_that_dies_is_recovered_from() {
    let (word, processes) = (LockWord::new(), Processes::new([1, 2, 3]));
    for pid in [1, 2, 3] {
        let me = play(pid);
        assert!(word.robust().try_acquire(me, &processes).is_some());
        processes.kill(pid);
    }
    let last = play(4);
    assert!(matches!(
        word.robust().try_acquire(last, &processes),
        Some(Acquired::Recovered(owner)) if owner.pid == 3
    ));
}

#[test]
fn a_waiter_notices_that_the_holder_dies() {
    let (word, processes) = (LockWord::new(), Processes::new([1, 2]));
    let holder = play(2);
    assert_eq!(word.robust().acquire(&processes), Acquired::Free);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            play(1);
            word.robust().acquire(&processes)
        });
        thread::yield_now();
        processes.kill(2);
        assert_eq!(waiter.join().unwrap(), Acquired::Recovered(holder));
    });
}

#[test]
fn patience_with_the_living_ends() {
    let (word, processes) = (LockWord::new(), Processes::new([1, 2]));
    let patience = Duration::from_millis(1);
    let holder = play(2);
    assert_eq!(word.robust().acquire(&processes), Acquired::Free);
    for me in [1, 2] {
        play(me);
        let waited = word.robust().lock_within(patience, &processes);
        assert_eq!(waited.expect_err("held"), holder);
    }
    processes.kill(2);
    play(1);
    let inherited = word.robust().lock_within(patience, &processes).expect("the holder is dead");
    assert_eq!(inherited.acquired(), Acquired::Recovered(holder));
    drop(inherited);
    let free = word.robust().lock_within(Duration::ZERO, &processes).expect("free");
    assert_eq!(free.acquired(), Acquired::Free);
}

#[test]
fn patience_outlasts_a_holder_that_goes_on() {
    let (word, processes) = (LockWord::new(), Processes::new([1, 2]));
    play(2);
    assert_eq!(word.robust().acquire(&processes), Acquired::Free);
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            play(1);
            let held = word.robust().lock_within(Duration::MAX, &processes);
            held.map(|guard| guard.acquired())
        });
        thread::yield_now();
        word.robust().release();
        assert_eq!(waiter.join().unwrap(), Ok(Acquired::Free));
    });
}

#[test]
fn a_panic_releases_the_guard() {
    let (word, processes) = (LockWord::new(), Processes::new([1]));
    play(1);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _guard = word.robust().lock(&processes);
        panic!("in the critical section");
    }));
    assert!(outcome.is_err());
    assert_eq!(word.robust().holder(), None);
}

struct Shared {
    count: UnsafeCell<u64>,
}

// SAFETY: the test accesses the count under the lock only.
unsafe impl Sync for Shared {}

#[test]
fn one_at_a_time_also_in_bytes() {
    #[repr(align(16))]
    struct Buffer(UnsafeCell<[u8; 64]>);
    let mut buffer = Buffer(UnsafeCell::new([0; 64]));
    // SAFETY: the buffer is aligned, outlives the view, and is used through it
    // only.
    let bytes = unsafe { Bytes::new(NonNull::from(buffer.0.get_mut()).cast(), 64) };
    let processes = Processes::new([1, 2, 3, 4]);
    let shared = Shared { count: UnsafeCell::new(0) };
    thread::scope(|scope| {
        for pid in 1..=4 {
            let (processes, shared, bytes) = (&processes, &shared, &bytes);
            scope.spawn(move || {
                play(pid);
                for _ in 0..10_000 {
                    let lock = RobustLock::at(bytes, Offset::new(16));
                    let _guard = lock.lock(processes);
                    // SAFETY: the lock is held.
                    unsafe { *shared.count.get() += 1 };
                }
            });
        }
    });
    assert_eq!(shared.count.into_inner(), 40_000);
}
