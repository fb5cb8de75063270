//! Why a container could not do what it was asked to.

use core::fmt;

use crate::allocator::AllocError;
use crate::offset::AllocatorId;
use crate::thread::Owner;

/// Why a container could not do what it was asked to.
///
/// The container is as it was before the call, unless the method says
/// otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerError {
    /// The heap gave no block.
    Alloc(AllocError),
    /// The container's heap is not attached in this process.
    NotAttached(AllocatorId),
    /// A number in the container made no sense: it points outside its heap, or
    /// contradicts another one.
    Corrupt,
    /// A process died while it changed the container.
    ///
    /// [`settle`](super::Trace::settle) finishes or takes back what it had begun;
    /// methods that change the container do so by themselves.
    HalfChanged,
    /// Others kept what was needed for too long: this process, if that is known.
    ///
    /// Ask again; or recover the heap, if it is damaged.
    Busy(Option<Owner>),
    /// There is no such position.
    OutOfBounds {
        /// The position that was asked for.
        index: usize,
        /// How many elements (or bytes, in a string) there are.
        len: usize,
    },
    /// A position in a string that is not between two characters.
    NotCharBoundary {
        /// The position that was asked for.
        index: usize,
    },
}

impl fmt::Display for ContainerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alloc(error) => error.fmt(f),
            Self::NotAttached(id) => {
                write!(f, "heap {id} is not attached in this process: open it first")
            }
            Self::Corrupt => f.write_str("the container is damaged: verify the segment"),
            Self::HalfChanged => f.write_str(
                "a process died while it changed the container: settle it, or change it",
            ),
            Self::Busy(Some(holder)) => write!(f, "{holder} keeps the container: ask again"),
            Self::Busy(None) => f.write_str("others keep changing the container: ask again"),
            Self::OutOfBounds { index, len } => {
                write!(f, "position {index} is outside a container of length {len}")
            }
            Self::NotCharBoundary { index } => {
                write!(f, "byte {index} is inside a character: cut strings between characters")
            }
        }
    }
}

impl core::error::Error for ContainerError {}

impl ContainerError {
    /// That `holder` keeps a lock.
    pub(super) const fn kept_by(holder: Owner) -> Self {
        Self::Busy(Some(holder))
    }
}

impl From<AllocError> for ContainerError {
    fn from(error: AllocError) -> Self {
        Self::Alloc(error)
    }
}
