//! What is done once, permits and barriers: threads play processes, and die.
//! (Real ones die in `tests/tests/meetings.rs`.)
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anymem_core::container::{
    BarrierError, ContainerError, OnceError, SemaphoreError, ShmBarrier, ShmOnce, ShmSemaphore,
    ShmString,
};
use common::{TestHeap, play};

/// A moment, for whoever waits in vain.
const MOMENT: Duration = Duration::from_millis(2);

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<ShmOnce<()>>() == 40);
    assert!(size_of::<ShmSemaphore>() == 80);
    assert!(size_of::<ShmBarrier>() == 88);
};

fn heap() -> TestHeap {
    TestHeap::new(1 << 16)
}

/// Lets process `pid` do something, and die.
fn die_as<R>(heap: &TestHeap, pid: u32, last: impl FnOnce() -> R) {
    play(pid);
    forget(last());
    heap.processes.kill(pid);
    play(100);
}

#[test]
fn a_value_is_made_once() {
    let heap = heap();
    let (once, made) = (ShmOnce::new_in(&*heap), AtomicUsize::new(0));
    assert!(once.get().is_none());
    let make = || {
        made.fetch_add(1, Ordering::Relaxed);
        ShmString::from_str_in("a text that needs a block of its own", &*heap)
    };
    thread::scope(|scope| {
        for pid in [100, 101, 102, 103] {
            let (once, make) = (&once, &make);
            scope.spawn(move || {
                play(pid);
                assert_eq!(once.get_or_try_init(make).unwrap().len(), 36);
            });
        }
    });
    assert_eq!(made.load(Ordering::Relaxed), 1);
    assert_eq!(once.maker(), None);
    drop(once);
    heap.assert_empty();
}

#[test]
fn who_fails_or_panics_is_followed_by_the_next() {
    let heap = heap();
    let once = ShmOnce::<u64>::new_in(&*heap);
    assert_eq!(once.get_or_try_init(|| Err("no")), Err(OnceError::Init("no")));
    let panics = AssertUnwindSafe(|| once.get_or_init(|| panic!("as it should")).is_ok());
    assert!(catch_unwind(panics).is_err());
    assert_eq!(once.set(7), Ok(Ok(())));
    assert_eq!(once.set(8), Ok(Err(8)));
    assert_eq!(once.get_or_init(|| 9), Ok(&7));
    let mut once = once;
    assert_eq!((once.take(), once.take(), once.get()), (Some(7), None, None));
}

#[test]
fn a_dead_maker_is_followed_by_the_next() {
    let heap = heap();
    let once = ShmOnce::<u64>::new_in(&*heap);
    let stuck = || catch_unwind(AssertUnwindSafe(|| once.get_or_init(|| die_midway(&heap))));
    die_as(&heap, 101, || {
        // The guard finds another process when it unwinds, and releases nothing.
        assert!(stuck().is_err());
    });
    assert_eq!(once.maker().map(|it| it.pid), Some(101));
    assert_eq!(once.get_or_init(|| 7), Ok(&7));
}

fn die_midway(_: &TestHeap) -> u64 {
    play(102);
    panic!("as if it had died");
}

#[test]
fn a_living_maker_is_waited_for_within_patience() {
    let heap = heap();
    let once = ShmOnce::<u64>::new_in(&*heap);
    let inner = once.get_or_init(|| {
        let told = thread::scope(|scope| {
            let asks = || {
                play(101);
                once.get_or_try_init_timeout(MOMENT, || Ok::<_, ()>(1)).copied()
            };
            scope.spawn(asks).join().unwrap()
        });
        assert!(matches!(told, Err(OnceError::Busy(Some(maker))) if maker.pid == 100));
        7
    });
    assert_eq!(inner, Ok(&7));
}

#[test]
fn a_made_value_needs_no_heap() {
    let mut heap = heap();
    let (made, not) = (ShmOnce::new_in(&*heap), ShmOnce::new_in(&*heap));
    assert_eq!(made.set(7_u64), Ok(Ok(())));
    heap.detach();
    assert_eq!((made.get(), made.get_or_init(|| 8)), (Some(&7), Ok(&7)));
    let told = ContainerError::NotAttached(not.heap_id());
    assert_eq!(not.get_or_init(|| 8_u64), Err(OnceError::Heap(told)));
}

#[test]
fn as_many_are_in_as_there_are_permits() {
    let heap = heap();
    let semaphore = ShmSemaphore::new_in(2, &*heap).unwrap();
    let (inside, numbers) = (AtomicUsize::new(0), [AtomicUsize::new(0), AtomicUsize::new(0)]);
    thread::scope(|scope| {
        for pid in [100, 101, 102, 103] {
            let (semaphore, inside, numbers) = (&semaphore, &inside, &numbers);
            scope.spawn(move || {
                play(pid);
                for _ in 0..500 {
                    let permit = semaphore.acquire().unwrap();
                    assert!(inside.fetch_add(1, Ordering::Relaxed) < 2);
                    assert_eq!(numbers[permit.number()].fetch_add(1, Ordering::Relaxed), 0);
                    thread::yield_now();
                    numbers[permit.number()].fetch_sub(1, Ordering::Relaxed);
                    inside.fetch_sub(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!((semaphore.available(), semaphore.permits()), (Ok(2), 2));
    drop(semaphore);
    heap.assert_empty();
}

#[test]
fn permits_come_back_from_the_dead() {
    let heap = heap();
    let semaphore = ShmSemaphore::new_in(2, &*heap).unwrap();
    die_as(&heap, 101, || semaphore.acquire().unwrap());
    let kept = semaphore.acquire().unwrap();
    let mut holders = Vec::new();
    semaphore.for_each_holder(|it| holders.push(it.pid)).unwrap();
    assert_eq!((holders, semaphore.available()), (vec![101, 100], Ok(0)));
    drop(semaphore.try_acquire().unwrap());
    assert_eq!(semaphore.available(), Ok(1));
    die_as(&heap, 102, || semaphore.acquire().unwrap());
    assert_eq!((semaphore.recover(), semaphore.recover()), (Ok(1), Ok(0)));
    drop(kept);
    assert_eq!(semaphore.available(), Ok(2));
    die_as(&heap, 103, || [semaphore.acquire().unwrap(), semaphore.acquire().unwrap()]);
    let both = [semaphore.acquire().unwrap(), semaphore.acquire_timeout(MOMENT).unwrap()];
    assert_eq!(semaphore.try_acquire().map(|_| ()), Err(SemaphoreError::Busy));
    assert_eq!(semaphore.acquire_timeout(MOMENT).map(|_| ()), Err(SemaphoreError::Busy));
    drop(both);
}

#[test]
fn a_child_gives_no_permit_back() {
    let heap = heap();
    let semaphore = ShmSemaphore::new_in(1, &*heap).unwrap();
    let permit = semaphore.acquire().unwrap();
    play(101);
    drop(permit);
    assert_eq!(semaphore.available(), Ok(0));
}

#[test]
fn all_meet_and_one_leads() {
    let heap = heap();
    let barrier = ShmBarrier::new_in(3, &*heap).unwrap();
    let (steps, leaders) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for pid in [101, 102, 103] {
            let (barrier, steps, leaders) = (&barrier, &steps, &leaders);
            scope.spawn(move || {
                play(pid);
                let me = barrier.join().unwrap();
                for round in 1..=100 {
                    steps.fetch_add(1, Ordering::Relaxed);
                    let met = me.wait().unwrap();
                    assert_eq!(steps.load(Ordering::Relaxed), 3 * round, "all had arrived");
                    leaders.fetch_add(usize::from(met.is_leader()), Ordering::Relaxed);
                    me.wait().unwrap();
                }
                // Whoever leaves first frees a place that nobody waits for any more.
                forget(me);
            });
        }
    });
    assert_eq!(leaders.load(Ordering::Relaxed), 100);
    assert_eq!(barrier.joined(), Ok(3));
    play(100);
    assert_eq!(barrier.join().map(|_| ()), Err(BarrierError::Full));
    drop(barrier);
    heap.assert_empty();
}

#[test]
fn a_dead_participant_is_found_out() {
    let heap = heap();
    let barrier = ShmBarrier::new_in(2, &*heap).unwrap();
    let me = barrier.join().unwrap();
    die_as(&heap, 101, || barrier.join().unwrap());
    assert!(matches!(me.wait(), Err(BarrierError::Broken(Some(dead))) if dead.pid == 101));
    assert!(matches!(me.wait(), Err(BarrierError::Broken(Some(dead))) if dead.pid == 101));
    assert_eq!((barrier.is_broken(), barrier.repair()), (Ok(true), Ok(1)));
    assert_eq!((barrier.is_broken(), barrier.joined()), (Ok(false), Ok(1)));
    // Nobody else is there, which is no death.
    assert_eq!(me.wait_timeout(MOMENT), Err(BarrierError::TimedOut));
    let other = barrier.join().unwrap();
    assert_eq!(me.wait_timeout(MOMENT), Err(BarrierError::TimedOut));
    // Who gave up had not arrived.
    assert_eq!(other.wait_timeout(MOMENT), Err(BarrierError::TimedOut));
    let met = thread::scope(|scope| {
        let waits = scope.spawn(|| {
            play(100);
            barrier.join().map(|_| ())
        });
        waits.join().unwrap()
    });
    assert_eq!(met, Err(BarrierError::Full));
}

#[test]
fn who_died_after_arriving_has_arrived_and_can_be_replaced() {
    let heap = heap();
    let barrier = ShmBarrier::new_in(2, &*heap).unwrap();
    let me = barrier.join().unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| {
            play(101);
            let other = barrier.join().unwrap();
            let met = other.wait();
            forget(other);
            met
        });
        let mine = me.wait().unwrap();
        assert_ne!(mine.is_leader(), waits.join().unwrap().unwrap().is_leader());
    });
    heap.processes.kill(101);
    // In its place before it is missed.
    play(102);
    let other = barrier.join().unwrap();
    play(100);
    assert_eq!((barrier.joined(), barrier.is_broken()), (Ok(2), Ok(false)));
    drop(other);
    assert_eq!(barrier.joined(), Ok(2), "a child gives nothing back");
    assert_eq!(barrier.repair(), Ok(0));
}

#[test]
fn a_detached_heap_is_told() {
    let mut heap = heap();
    let (semaphore, barrier) =
        (ShmSemaphore::new_in(1, &*heap).unwrap(), ShmBarrier::new_in(1, &*heap).unwrap());
    heap.detach();
    let told = ContainerError::NotAttached(barrier.heap_id());
    assert_eq!(semaphore.acquire().map(|_| ()), Err(SemaphoreError::Heap(told)));
    assert_eq!(barrier.join().map(|_| ()), Err(BarrierError::Heap(told)));
    assert_eq!((semaphore.recover(), barrier.repair()), (Err(told), Err(told)));
}
