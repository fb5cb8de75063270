//! Which blocks values own, and blocks that nobody owns.
//!
//! A process that dies holding a value takes its blocks with it: nothing names
//! them any more. They are found by mark and sweep: [`Trace`] names the blocks
//! that a value owns, a [`Tracer`] marks all that can be reached from the roots,
//! and [`reclaim_unreachable`] frees the others.
//!
//! [`reclaim_unreachable`]: crate::allocator::ThreadLocalAllocator::reclaim_unreachable

mod error;
mod marks;
mod reclaim;
mod recount;
mod tracer;
#[macro_use]
mod types;

pub use error::{ReclaimError, TraceError};
use marks::Marks;
pub use reclaim::{Reclaimed, RootType, TraceRoom};
pub(super) use recount::Handle;
pub(super) use tracer::values;
pub use tracer::{Pending, Tracer};

/// Values that can name the blocks they own.
///
/// Every [`ShmSafe`](super::ShmSafe) type can, and `#[derive(ShmSafe)]` writes it:
/// a struct names what its fields name, and plain data names nothing.
///
/// An [`OffsetPtr`](crate::offset::OffsetPtr) and its kin own nothing that is
/// known, so the block that it points into is kept, with all that any word in
/// that block might point to.
pub trait Trace {
    /// Names the blocks that this value owns.
    ///
    /// # Errors
    ///
    /// The value is damaged, or owns a block of another heap.
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError>;

    /// Finishes or takes back what a process was doing with this value when it
    /// died.
    ///
    /// Who takes over what a dead process was changing calls
    /// [`Allocator::recover`](crate::allocator::Allocator::recover) first and this
    /// then; the containers with locks do so by themselves when they find a lock
    /// held by a dead process. `levels` is how many containers deep it goes:
    /// those further inside settle when they are changed.
    ///
    /// The containers can be used without as well: they settle when they are
    /// changed, and some cannot be read until then
    /// ([`ContainerError::HalfChanged`](super::ContainerError::HalfChanged)).
    fn settle(&mut self, levels: u32) {
        let _ = levels;
    }
}
