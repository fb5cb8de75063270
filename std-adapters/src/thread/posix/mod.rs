//! POSIX threads and processes, as Linux has them.

#[cfg(feature = "argobots")]
mod argobots;
pub(crate) mod fork;
mod futex;
mod keys;
pub(crate) mod lifeline;
mod liveness;
mod pthread;
#[cfg(feature = "async")]
mod watcher;
mod world;

#[cfg(feature = "argobots")]
pub use argobots::{ArgobotsError, ArgobotsModel};
pub use pthread::PthreadModel;

/// Whether other threads were ended wherever they were, and may have left locks behind:
/// never while handlers of the process's end run.
pub(crate) const fn is_torn_down() -> bool {
    false
}
