//! The process that a hostile heap is used by, as its thread model says.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel};

/// Naps in one call from which on it is one that waits for ever. A lock that
/// somebody keeps is waited for for a hundredth of them.
const MANY_NAPS: u32 = 10_000_000;

static NAPS: AtomicU32 = AtomicU32::new(0);

/// A process that is alone: all others are dead.
#[derive(Debug, Clone, Copy)]
pub struct Victim;

impl Victim {
    /// Who it is.
    pub const OWNER: Owner = Owner { pid: 0x2a_5b3c, start: 0x1234_5678 };

    /// Makes a call, which is to come to an end.
    pub(super) fn calls<R>(call: impl FnOnce() -> R) -> R {
        NAPS.store(0, Ordering::Relaxed);
        call()
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
        let naps = NAPS.fetch_add(1, Ordering::Relaxed);
        assert!(naps < MANY_NAPS, "it waits for ever");
    }
}
