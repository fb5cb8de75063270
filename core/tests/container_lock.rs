//! Locks in a heap: exclusion, death, panic, abandonment, patience, damage.
//!
//! Threads play processes here. (Real ones die in `tests/tests/locks.rs`.)
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::mem::forget;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use anymem_core::container::{
    Cause, ContainerError, LockError, ShmBox, ShmCondvar, ShmMutex, ShmRwLock, Woken,
};
use anymem_core::offset::AllocatorId;
use common::{TestHeap, play};

/// A moment, for whoever waits in vain.
const MOMENT: Duration = Duration::from_millis(2);

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<ShmMutex<()>>() == 40);
    assert!(size_of::<ShmRwLock<()>>() == 168);
    assert!(size_of::<ShmCondvar>() == 16);
};

fn heap() -> TestHeap {
    TestHeap::new(1 << 16)
}

/// Lets process `pid` do something, and die.
fn die_as(heap: &TestHeap, pid: u32, last: impl FnOnce()) {
    play(pid);
    last();
    heap.processes.kill(pid);
    play(100);
}

#[test]
fn one_has_a_mutex_at_a_time() {
    let heap = heap();
    let mutex = ShmBox::new_in(ShmMutex::new_in([0_u64; 2], &*heap), &*heap).unwrap();
    let mutex = mutex.get().unwrap();
    thread::scope(|scope| {
        for pid in [100, 101, 102, 103] {
            scope.spawn(move || {
                play(pid);
                for _ in 0..2000 {
                    let mut pair = mutex.lock().unwrap();
                    pair[0] += 1;
                    pair[1] += 1;
                    assert_eq!(pair[0], pair[1]);
                }
            });
        }
    });
    assert_eq!(*mutex.lock().unwrap(), [8000, 8000]);
}

#[test]
fn a_death_is_told_once_and_can_be_repaired() {
    let heap = heap();
    let mutex = ShmMutex::new_in(1_u32, &*heap);
    let dead = play(101);
    die_as(&heap, 101, || forget(mutex.lock().unwrap()));
    match mutex.lock() {
        Err(LockError::Inconsistent { mut guard, cause }) => {
            assert_eq!(cause, Cause::Died(dead));
            assert_eq!(guard.cause(), Some(cause));
            *guard = 2;
            guard.mark_consistent();
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(mutex.cause(), None);
    assert_eq!(*mutex.lock().unwrap(), 2);
}

#[test]
fn what_is_not_marked_is_abandoned_until_it_is_recovered() {
    let heap = heap();
    let mutex = ShmMutex::new_in(1_u32, &*heap);
    let cause = Cause::Died(play(101));
    die_as(&heap, 101, || forget(mutex.lock().unwrap()));
    assert!(matches!(mutex.lock(), Err(LockError::Inconsistent { .. })));
    for _ in 0..2 {
        assert!(matches!(mutex.lock(), Err(LockError::Abandoned(told)) if told == cause));
        assert!(matches!(mutex.try_lock(), Err(LockError::Abandoned(_))));
        assert!(matches!(mutex.lock_timeout(MOMENT), Err(LockError::Abandoned(_))));
        // Nobody keeps it.
        assert_eq!(mutex.holder(), None);
    }
    drop(mutex.recover().unwrap());
    assert!(matches!(mutex.lock(), Err(LockError::Abandoned(_))));
    let mut guard = mutex.recover().unwrap();
    assert_eq!((guard.cause(), *guard), (Some(cause), 1));
    guard.mark_consistent();
    drop(guard);
    assert!(mutex.lock().is_ok());
}

#[test]
fn who_was_told_may_die_as_well() {
    let heap = heap();
    let mutex = ShmMutex::new_in((), &*heap);
    let second = play(102);
    die_as(&heap, 101, || forget(mutex.lock().unwrap()));
    die_as(&heap, 102, || forget(mutex.lock().unwrap_err()));
    assert!(
        matches!(mutex.try_lock(), Err(LockError::Inconsistent { cause, .. }) if cause == Cause::Died(second))
    );
}

#[test]
fn a_lock_of_the_living_is_waited_for_as_long_as_was_asked_for() {
    let heap = heap();
    let mutex = ShmMutex::new_in((), &*heap);
    let holder = play(101);
    forget(mutex.lock().unwrap());
    play(100);
    assert!(matches!(mutex.try_lock(), Err(LockError::Busy(Some(it))) if it == holder));
    assert!(matches!(mutex.lock_timeout(MOMENT), Err(LockError::Busy(Some(it))) if it == holder));
    heap.processes.kill(101);
    assert!(matches!(mutex.lock_timeout(MOMENT), Err(LockError::Inconsistent { .. })));
}

#[test]
fn a_waiter_learns_of_the_death() {
    let heap = heap();
    let mutex = ShmMutex::new_in((), &*heap);
    play(101);
    forget(mutex.lock().unwrap());
    thread::scope(|scope| {
        let waiters = [100, 102].map(|pid| {
            let mutex = &mutex;
            scope.spawn(move || {
                play(pid);
                match mutex.lock() {
                    Err(LockError::Inconsistent { mut guard, .. }) => {
                        guard.mark_consistent();
                        1
                    }
                    other => other.map(|_| 0).unwrap(),
                }
            })
        });
        thread::yield_now();
        heap.processes.kill(101);
        let told = waiters.map(|waiter| waiter.join().unwrap());
        assert_eq!(told.iter().sum::<u32>(), 1, "one is told");
    });
}

#[test]
fn a_panic_is_told_like_a_death() {
    let heap = heap();
    let me = play(100);
    let (mutex, lock) = (ShmMutex::new_in(1, &*heap), ShmRwLock::new_in(1, &*heap));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _guards = (mutex.lock().unwrap(), lock.write().unwrap());
        panic!("in the critical section");
    }));
    assert!(outcome.is_err());
    let cause = Cause::Panicked(me);
    assert!(matches!(mutex.lock(), Err(LockError::Inconsistent { cause: it, .. }) if it == cause));
    assert!(matches!(mutex.lock(), Err(LockError::Abandoned(it)) if it == cause));
    assert!(matches!(lock.read(), Err(LockError::Inconsistent { cause: it, .. }) if it == cause));
}

#[test]
fn a_lock_that_is_used_while_a_panic_unwinds_stays_consistent() {
    struct Logs<'a>(&'a ShmMutex<u32>);
    impl Drop for Logs<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let heap = heap();
    let mutex = ShmMutex::new_in(0, &*heap);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let _logs = Logs(&mutex);
        panic!("outside");
    }));
    assert!(outcome.is_err());
    assert_eq!(*mutex.lock().unwrap(), 1);
}

#[test]
fn an_error_says_what_to_do() {
    let heap = heap();
    let mutex = ShmMutex::new_in((), &*heap);
    die_as(&heap, 101, || forget(mutex.lock().unwrap()));
    let told = mutex.lock().unwrap_err();
    assert!(told.to_string().contains("pid 101 died") && told.to_string().contains("mark"));
    assert!(format!("{told:?}").contains("Died"));
    assert!(told.into_guard().is_some());
    let told = mutex.lock().unwrap_err();
    assert!(told.to_string().contains("recover"), "{told}");
    assert!(told.into_guard().is_none());
    assert_eq!(format!("{mutex:?}"), format!("ShmMutex(<{}>)", mutex.lock().unwrap_err()));
}

#[test]
fn a_look_at_an_inconsistent_lock_does_not_abandon_it() {
    let heap = heap();
    let (mutex, lock) = (ShmMutex::new_in(5, &*heap), ShmRwLock::new_in(5, &*heap));
    assert_eq!(format!("{mutex:?} {lock:?}"), "ShmMutex(5) ShmRwLock(5)");
    die_as(&heap, 101, || {
        forget(mutex.lock().unwrap());
        forget(lock.write().unwrap());
    });
    assert!(format!("{mutex:?} {lock:?}").contains("died"));
    assert!(matches!(mutex.lock(), Err(LockError::Inconsistent { .. })));
    assert!(matches!(lock.write(), Err(LockError::Inconsistent { .. })));
}

#[test]
fn locks_of_a_heap_that_is_not_attached_answer_with_an_error() {
    let nowhere = AllocatorId::new(9, 9);
    let (mutex, lock) = (ShmMutex::with_heap_id(1, nowhere), ShmRwLock::with_heap_id(1, nowhere));
    let gone = ContainerError::NotAttached(nowhere);
    assert!(matches!(mutex.lock(), Err(LockError::Heap(error)) if error == gone));
    assert!(matches!(lock.read(), Err(LockError::Heap(error)) if error == gone));
    assert!(matches!(lock.write(), Err(LockError::Heap(error)) if error == gone));
    assert_eq!(ShmCondvar::with_heap_id(nowhere).notify_one(), Err(gone));
    assert_eq!((mutex.into_inner(), lock.into_inner()), (1, 1));
}

#[test]
fn many_read_or_one_writes() {
    let heap = heap();
    let lock = ShmRwLock::new_in([0_u64; 2], &*heap);
    thread::scope(|scope| {
        for pid in [100, 101, 102, 103] {
            let lock = &lock;
            scope.spawn(move || {
                play(pid);
                for round in 0..2000 {
                    if round % 4 == 0 {
                        let mut pair = lock.write().unwrap();
                        pair[0] += 1;
                        pair[1] += 1;
                    }
                    let pair = lock.read().unwrap();
                    assert_eq!(pair[0], pair[1]);
                }
            });
        }
    });
    assert_eq!(*lock.read().unwrap(), [2000, 2000]);
}

#[test]
fn readers_read_side_by_side_however_many() {
    let heap = heap();
    let lock = ShmRwLock::new_in(7, &*heap);
    // One more than have names.
    let readers: Vec<_> = (0..16).map(|_| lock.try_read().unwrap()).collect();
    assert!(readers.iter().all(|reader| **reader == 7));
    assert!(matches!(lock.try_read(), Err(LockError::Busy(_))));
    assert!(matches!(lock.read_timeout(MOMENT), Err(LockError::Busy(_))));
    assert!(matches!(lock.try_write(), Err(LockError::Busy(_))));
    assert!(matches!(lock.write_timeout(MOMENT), Err(LockError::Busy(_))));
    drop(readers);
    let writer = lock.try_write().unwrap();
    assert!(matches!(lock.try_read(), Err(LockError::Busy(Some(_)))));
    assert!(matches!(lock.read_timeout(MOMENT), Err(LockError::Busy(Some(_)))));
    drop(writer);
    assert!(lock.try_read().is_ok());
}

#[test]
fn dead_readers_keep_nobody_out() {
    let heap = heap();
    let lock = ShmRwLock::new_in(7, &*heap);
    die_as(&heap, 101, || (0..16).for_each(|_| forget(lock.read().unwrap())));
    // All names are the dead's; one of them held the gate.
    assert_eq!(*lock.try_read().unwrap(), 7);
    let living = lock.read().unwrap();
    assert!(matches!(lock.try_write(), Err(LockError::Busy(_))), "{lock:?}");
    drop(living);
    *lock.write().unwrap() = 8;
    die_as(&heap, 102, || forget(lock.read().unwrap()));
    *lock.try_write().unwrap() = 9;
    assert_eq!(*lock.read().unwrap(), 9);
}

#[test]
fn the_death_of_a_writer_is_told_to_a_writer() {
    let heap = heap();
    let lock = ShmRwLock::new_in(7, &*heap);
    die_as(&heap, 101, || forget(lock.write().unwrap()));
    let told = lock.write().unwrap_err();
    assert!(
        matches!(told, LockError::Inconsistent { cause: Cause::Died(it), .. } if it.pid == 101)
    );
    told.into_guard().unwrap().mark_consistent();
    assert!(lock.read().is_ok());
}

#[test]
fn the_death_of_a_writer_is_told_to_a_reader_who_can_repair() {
    let heap = heap();
    let lock = ShmRwLock::new_in(7, &*heap);
    for told_by in [
        |lock: &ShmRwLock<i32>| lock.read().map(|_| ()).unwrap_err().into_guard().is_some(),
        |lock: &ShmRwLock<i32>| lock.try_read().map(|_| ()).unwrap_err().into_guard().is_some(),
        |lock: &ShmRwLock<i32>| {
            lock.read_timeout(MOMENT).map(|_| ()).unwrap_err().into_guard().is_some()
        },
    ] {
        heap.processes.revive(101);
        die_as(&heap, 101, || forget(lock.write().unwrap()));
        assert!(told_by(&lock), "who is told can write");
        // The guard was dropped unmarked.
        assert!(matches!(lock.read(), Err(LockError::Abandoned(_))));
        assert!(matches!(lock.write(), Err(LockError::Abandoned(_))));
        let mut guard = lock.recover().unwrap();
        *guard += 1;
        guard.mark_consistent();
    }
    assert_eq!(*lock.read().unwrap(), 10);
}

#[test]
fn a_waiter_is_notified() {
    let heap = heap();
    let (mutex, filled) = (ShmMutex::new_in(0_u32, &*heap), ShmCondvar::new_in(&*heap));
    thread::scope(|scope| {
        let waiters = [101, 102].map(|pid| {
            let (mutex, filled) = (&mutex, &filled);
            scope.spawn(move || {
                play(pid);
                for _ in 0..100 {
                    let guard = mutex.lock().unwrap();
                    *filled.wait_while(guard, |count| *count == 0).unwrap() -= 1;
                }
            })
        });
        for _ in 0..200 {
            *mutex.lock().unwrap() += 1;
            filled.notify_one().unwrap();
        }
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    assert_eq!(*mutex.lock().unwrap(), 0);
}

#[test]
fn a_wait_ends_when_its_time_is_over() {
    let heap = heap();
    let (mutex, never) = (ShmMutex::new_in(3, &*heap), ShmCondvar::new_in(&*heap));
    let (guard, woken) = never.wait_timeout(mutex.lock().unwrap(), MOMENT).unwrap();
    assert_eq!((*guard, woken), (3, Woken::TimedOut));
    let (guard, woken) = never.wait_timeout_while(guard, MOMENT, |it| *it == 3).unwrap();
    assert_eq!((*guard, woken), (3, Woken::TimedOut));
    let (_guard, woken) = never.wait_timeout_while(guard, MOMENT, |it| *it == 4).unwrap();
    assert_eq!(woken, Woken::Notified);
}

#[test]
fn a_waiter_is_told_that_the_notifier_died() {
    let heap = heap();
    let (mutex, filled) = (ShmMutex::new_in(0, &*heap), ShmCondvar::new_in(&*heap));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            play(102);
            let guard = mutex.lock().unwrap();
            matches!(
                filled.wait_while(guard, |it| *it == 0),
                Err(LockError::Inconsistent { cause: Cause::Died(it), .. }) if it.pid == 101
            )
        });
        die_as(&heap, 101, || {
            // Until the other one waits.
            while mutex.try_lock().is_err() || !filled.is_waited_for() {
                thread::yield_now();
            }
            let mut guard = mutex.lock().unwrap();
            *guard = 1;
            filled.notify_one().unwrap();
            forget(guard);
        });
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn any_damage_leaves_timeouts_that_end() {
    let mut heap = heap();
    let place = ShmBox::new_in(ShmRwLock::new_in([0_u8; 8], &*heap), &*heap).unwrap();
    let at = place.shm_ptr().ptr.offset().get();
    let words = (size_of::<ShmRwLock<[u8; 8]>>() - 16) / size_of::<usize>();
    let living = play(100).to_word();
    for bits in [usize::MAX, 1 << 22, 1 << 23, 3 << 22, 1 << 30, 3 << 30, 0x7fff, living, 77] {
        for word in 0..words {
            let byte = at + 8 + word * size_of::<usize>();
            let before = heap.bytes()[byte..][..size_of::<usize>()].to_vec();
            heap.bytes()[byte..][..size_of::<usize>()].copy_from_slice(&bits.to_ne_bytes());
            let lock = place.get().unwrap();
            let _ = lock.try_read().map(drop);
            let _ = lock.try_write().map(drop);
            let _ = lock.read_timeout(MOMENT).map(drop);
            let _ = lock.write_timeout(MOMENT).map(drop);
            let _ = format!("{lock:?}");
            heap.bytes()[byte..][..size_of::<usize>()].copy_from_slice(&before);
        }
    }
}
