//! Looking after a heap: what is wrong in it, and what the dead left.

mod faults;
mod recovery;
mod slots;
mod verdict;

pub(crate) use self::recovery::recover;
pub(crate) use self::slots::{Life, Slot, slots};
pub(crate) use self::verdict::{examine, verify};
