//! Who lives and who is dead, by decree.
//!
//! Heap slots are held by roles instead of processes, so that a heap which was
//! made ready once can be played from again and again.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel};

/// Somebody who uses the heap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Role {
    /// Dies.
    Victim = 1,
    /// Lives on, with a slot, while the victim dies.
    Neighbour,
    /// Recovers what the victim left, and dies of it.
    Heir,
    /// Looks at what is left.
    Survivor,
}

impl Role {
    /// How many there are, and one.
    pub(super) const COUNT: usize = 5;

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// The threading system of the stage.
#[derive(Debug)]
pub(super) struct Cast {
    acting: AtomicU32,
    dead: AtomicU32,
    seconds: AtomicU32,
}

impl Cast {
    /// This process acts as `role`, and nobody is dead.
    pub(super) const fn new(role: Role) -> Self {
        Self {
            acting: AtomicU32::new(role as u32),
            dead: AtomicU32::new(0),
            seconds: AtomicU32::new(1),
        }
    }

    /// From here on this process acts as `role`.
    pub(super) fn act_as(&self, role: Role) {
        self.acting.store(role as u32, Ordering::Relaxed);
    }

    /// From here on `role` is dead.
    pub(super) fn bury(&self, role: Role) {
        self.dead.fetch_or(role.bit(), Ordering::Relaxed);
    }

    /// Lets an hour pass.
    pub(super) fn wait(&self) {
        self.seconds.fetch_add(3600, Ordering::Relaxed);
    }
}

impl Liveness for Cast {
    fn is_alive(&self, owner: Owner) -> bool {
        self.dead.load(Ordering::Relaxed) & 1 << owner.pid == 0
    }
}

impl ThreadModel for Cast {
    fn thread_id(&self) -> ThreadId {
        ThreadId(self.acting.load(Ordering::Relaxed).into())
    }

    fn owner(&self) -> Owner {
        Owner { pid: self.acting.load(Ordering::Relaxed), start: 1 }
    }

    fn yield_now(&self) {}

    fn sleep(&self, _time: Duration) {
        self.seconds.fetch_add(1, Ordering::Relaxed);
    }

    fn clock(&self) -> Option<Duration> {
        Some(Duration::from_secs(self.seconds.load(Ordering::Relaxed).into()))
    }
}
