//! Atomics as a parameter, and words inside managed bytes.
//!
//! Every protocol between threads or processes in this crate is generic over
//! [`Atomics`] and reaches its words through an [`Arena`], so that model
//! checkers run the very same code as users do.

mod arena;
mod atomics;
mod robust_lock;

pub use arena::{Arena, Bytes};
pub use atomics::{AtomicInt, Atomics, Native};
pub use robust_lock::{Acquired, LockWord, RobustGuard, RobustLock};
