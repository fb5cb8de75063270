//! The process that a hostile heap is used by, as its thread model says.

use std::panic::{UnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel};

/// Naps in one call from which on it is one that waits for ever. Taking the
/// lock of the roots ends after a tenth of them.
const MANY_NAPS: u32 = 100_000;

static NAPS: AtomicU32 = AtomicU32::new(0);

/// A process that is alone: all others are dead.
///
/// Its name is no number that damage comes up with by chance, for a shard of a
/// map whose lock names a living process is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Victim;

/// What a call that waits for ever is unwound with.
struct Waits;

impl Victim {
    /// Who it is.
    pub const OWNER: Owner = Owner { pid: 0x2a_5b3c, start: 0x1234_5678 };

    /// Makes a call; whether it came to an end of its own. Else it was waiting
    /// for a living process to release a lock.
    pub(super) fn calls(call: impl FnOnce() + UnwindSafe) -> bool {
        NAPS.store(0, Ordering::Relaxed);
        match catch_unwind(call) {
            Ok(()) => true,
            Err(payload) if payload.is::<Waits>() => false,
            Err(payload) => resume_unwind(payload),
        }
    }
}

impl Liveness for Victim {
    fn is_alive(&self, owner: Owner) -> bool {
        owner == Self::OWNER
    }
}

impl ThreadModel for Victim {
    fn thread_id(&self) -> ThreadId {
        ThreadId(0)
    }

    fn owner(&self) -> Owner {
        Self::OWNER
    }

    fn yield_now(&self) {}

    fn sleep(&self, _time: Duration) {
        if NAPS.fetch_add(1, Ordering::Relaxed) >= MANY_NAPS {
            // Not a panic, which would be said to be one.
            resume_unwind(Box::new(Waits));
        }
    }
}
