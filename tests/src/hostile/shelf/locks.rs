//! Locks, and what processes meet at, as far as nobody is waited for without end.

use anymem_core::container::{
    ContainerError, ShmBarrier, ShmCondvar, ShmMutex, ShmOnce, ShmRwLock, ShmSemaphore, ShmString,
};

use super::{Hands, Item, LONG, Piece, SHORT, ignore};
use crate::hostile::Slots;

type Kept = (ShmMutex<u64>, ShmCondvar);
type Read = ShmRwLock<ShmString>;
type Made = ShmOnce<ShmString>;

pub(super) const ITEMS: &[&dyn Item] = &[
    &Piece { name: "kept", make: kept, handle: use_kept },
    &Piece { name: "read", make: read, handle: use_read },
    &Piece { name: "made", make: |heap| Ok(ShmOnce::new_in(heap)), handle: use_made },
    &Piece { name: "permits", make: |heap| ShmSemaphore::new_in(3, heap), handle: use_permits },
    &Piece { name: "barrier", make: |heap| ShmBarrier::new_in(2, heap), handle: use_barrier },
];

fn kept(heap: &Slots) -> Result<Kept, ContainerError> {
    Ok((ShmMutex::new_in(1, heap), ShmCondvar::new_in(heap)))
}

fn read(heap: &Slots) -> Result<Read, ContainerError> {
    Ok(ShmRwLock::new_in(ShmString::from_str_in(LONG, heap)?, heap))
}

fn use_kept((mutex, condvar): &mut Kept, hands: &mut Hands<'_, '_>) {
    let guard = match hands.below(3) {
        0 => mutex.try_lock().ok(),
        1 => mutex.lock_timeout(SHORT).ok(),
        _ => mutex.lock_timeout(SHORT).err().and_then(|error| error.into_guard()),
    };
    hands.harm();
    if let Some(mut guard) = guard {
        *guard = guard.wrapping_add(1);
        if hands.below(2) == 0 {
            guard.mark_consistent();
        }
    }
    let _ = (condvar.notify_one(), condvar.notify_all(), condvar.is_waited_for());
    let _ = (mutex.cause(), mutex.holder());
}

fn use_read(it: &mut Read, hands: &mut Hands<'_, '_>) {
    match hands.below(5) {
        0 => ignore(it.try_read().map(|text| {
            hands.harm();
            drop(text);
        })),
        1 => ignore(it.read_timeout(SHORT).map(|text| ignore(text.check()))),
        2 => ignore(it.try_write().map(|mut text| {
            hands.harm();
            ignore(text.push('x'));
        })),
        3 => ignore(it.write_timeout(SHORT).map(|mut text| {
            hands.harm();
            text.mark_consistent();
        })),
        _ => ignore(it.get_mut().check()),
    }
    let _ = (it.cause(), it.writer());
}

fn use_made(it: &mut Made, hands: &mut Hands<'_, '_>) {
    match hands.below(6) {
        0 => ignore(it.take()),
        1 => ignore(it.get_mut().map(|text| text.push('x'))),
        2 => ignore(it.get().map(ShmString::check)),
        _ => ignore(it.get_or_try_init_timeout(SHORT, || {
            hands.harm();
            if hands.below(4) == 0 { Err(ContainerError::Corrupt) } else { hands.text(LONG) }
        })),
    }
    let _ = it.maker();
}

fn use_permits(it: &mut ShmSemaphore, hands: &mut Hands<'_, '_>) {
    match hands.below(6) {
        0 => ignore(it.recover()),
        1 => ignore(it.for_each_holder(|_| {})),
        _ => {
            let mut permits = Vec::new();
            for _ in 0..hands.below(4) {
                permits.extend(it.try_acquire());
                permits.extend(it.acquire_timeout(SHORT));
                hands.harm();
            }
        }
    }
    let _ = (it.permits(), it.available(), format!("{it:?}"));
}

fn use_barrier(it: &mut ShmBarrier, hands: &mut Hands<'_, '_>) {
    match hands.below(6) {
        0 => ignore(it.repair()),
        1 => ignore((it.is_broken(), it.joined(), it.places(), format!("{it:?}"))),
        _ => {
            let mut here = Vec::new();
            for _ in 0..hands.below(4) {
                here.extend(it.join());
                hands.harm();
            }
            here.iter().for_each(|participant| ignore(participant.wait_timeout(SHORT)));
        }
    }
}
