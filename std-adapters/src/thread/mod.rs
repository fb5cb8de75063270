//! Threads and processes of the system: what core has, and POSIX threads.

pub(crate) mod exit;
pub(crate) mod fork;
mod futex;
pub(crate) mod hooks;
mod keys;
pub(crate) mod lifeline;
mod liveness;
mod pthread;
#[cfg(feature = "async")]
mod watcher;
mod world;

pub use anymem_core::thread::*;
pub use pthread::PthreadModel;
