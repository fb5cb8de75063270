//! The process that a hostile heap is used by, as its thread model says.

use std::time::Duration;

use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel};

/// A process that is alone: all others are dead.
///
/// Its name is no number that damage comes up with by chance: a lock that a
/// living process holds is waited for, which is not what is tried here.
#[derive(Debug, Clone, Copy)]
pub struct Victim;

impl Victim {
    /// Who it is.
    pub const OWNER: Owner = Owner { pid: 0x2a_5b3c, start: 0x1234_5678 };
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

    fn sleep(&self, _time: Duration) {}
}
