//! Threads as the allocators see them: who owns a heap slot, how to wait, and
//! the allocation context.

mod context;
mod model;
mod owner;
mod watch;

pub use context::Context;
pub(crate) use model::NAP;
pub use model::{Bare, ThreadId, ThreadModel, TlsError, TlsKey};
pub use owner::{Liveness, Owner};
pub use watch::{Ending, Watch};
