//! Why memory could not be passed between processes.

use std::io;

use thiserror::Error;

use crate::pool::PoolError;
use crate::provider::ProviderError;

/// Why memory could not be passed between processes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IpcError {
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The pool failed.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The provider's memory is its process's alone.
    #[error(
        "the memory of the provider {provider:?} cannot be shared: use one of shared memory, a \
         file or a DAX device"
    )]
    NotShareable {
        /// Which provider.
        provider: String,
    },
    /// The bytes are no handle.
    #[error("these bytes are no handle ({why}): pass all bytes of one, unchanged")]
    NotAHandle {
        /// What is wrong with them.
        why: &'static str,
    },
    /// The handle is of another version of this library.
    #[error("the handle has version {found}, this program knows {expected}: use one version")]
    OtherVersion {
        /// The version found.
        found: u8,
        /// The version this program has.
        expected: u8,
    },
    /// More than a handle can say.
    #[error("a handle cannot say {what} of {value}: blocks must lie below 2^48 in their file")]
    TooFar {
        /// What is too large.
        what: &'static str,
        /// Its value.
        value: u64,
    },
    /// The block is in memory that the processor does not reach.
    #[error(
        "the block is in memory that the processor does not reach: open it with the library of \
         its device"
    )]
    OutOfReach,
    /// The handle is of memory that can be mapped.
    #[error("the handle is of memory that can be mapped: open it as such")]
    NotAStandIn,
    /// Too many processes have the memory open.
    #[error("{most} processes have the memory open, as many as can: have one close it")]
    TooManyGuests {
        /// The most there can be.
        most: usize,
    },
    /// More descriptors would have to go with the memory than can.
    #[error("{asked} descriptors are to go with the memory, and {most} can: offer less of it")]
    TooManyDescriptors {
        /// How many there are.
        asked: usize,
        /// The most that there can be.
        most: usize,
    },
    /// The memory is open here as something else.
    #[error("the memory is open in this process as of another kind: open it with one library")]
    OtherUse,
    /// The process was forked since it opened the memory.
    #[error("this process was forked after the memory was opened: open it in a new program")]
    Forked,
    /// The owner has taken the block back since it made the handle.
    #[error("the handle is not valid any more: its owner has taken the block back; get a new one")]
    Withdrawn,
    /// The handle was put back more often than it was got, or is another process's.
    #[error("this process does not offer the handle: put it once for each get, where it was got")]
    NotOffered,
    /// There are no more numbers for blocks.
    #[error("{most} blocks are offered at a time at most: put some of their handles back")]
    TooManyOffered {
        /// The most there can be.
        most: usize,
    },
    /// The owner ended, and nobody here has its memory.
    #[error(
        "the process {pid} that offered the block is gone, and its memory with it: receive its \
         files while it lives"
    )]
    OwnerGone {
        /// Its process id.
        pid: u32,
    },
    /// The system does not let this process at the owner's memory.
    #[error(
        "not allowed to take memory from process {pid} ({why}): let it serve a Handover, which \
         needs no rights"
    )]
    NotAllowed {
        /// Its process id.
        pid: u32,
        /// What the system said.
        why: String,
    },
    /// Another file is where the block's was.
    #[error("{place} is another file now than the handle is of: get a new handle")]
    OtherFile {
        /// Where the file was looked for.
        place: String,
    },
    /// The file is another user's.
    #[error(
        "the memory is user {uid}'s, not yours: if you trust that user, say so with trust_user"
    )]
    ForeignOwner {
        /// The owner's user id.
        uid: u32,
    },
    /// The one at the other end of a socket is another user's process.
    #[error("the process {pid} is user {uid}'s: if you trust that user, say so with trust_user")]
    ForeignPeer {
        /// Its process id.
        pid: u32,
        /// Its user id.
        uid: u32,
    },
    /// A peer may shrink the memory under this process.
    #[error(
        "the memory of process {pid} is not sealed against shrinking: its provider must add \
         F_SEAL_SHRINK"
    )]
    Unsealed {
        /// The owner's process id.
        pid: u32,
    },
    /// The file does not have the bytes.
    #[error("the file has {size} bytes, and none at {offset}..{offset}+{len}: get a new handle")]
    BeyondFile {
        /// Where the block starts.
        offset: u64,
        /// How many bytes it has.
        len: u64,
        /// How many the file has.
        size: u64,
    },
    /// No block is open there.
    #[error("no block is open at {address:#x}: close it once for each open")]
    NotOpen {
        /// The address.
        address: usize,
    },
    /// Nobody serves there.
    #[error(
        "nobody hands memory over at {address}: start a Handover there, or correct the address"
    )]
    NobodyServes {
        /// The address.
        address: String,
    },
    /// The other end does not speak as it should.
    #[error("the one at {address} is no Handover ({why}): correct the address")]
    NotAHandover {
        /// The address.
        address: String,
        /// What it said.
        why: &'static str,
    },
    /// The system refused.
    #[error("{call} failed for {what}: {}", io::Error::from_raw_os_error(*code))]
    System {
        /// The call.
        call: &'static str,
        /// What it was called for.
        what: String,
        /// The system's error number.
        code: i32,
    },
}

impl IpcError {
    pub(super) fn system(
        call: &'static str,
        what: impl Into<String>,
        error: impl Into<io::Error>,
    ) -> Self {
        Self::System { call, what: what.into(), code: error.into().raw_os_error().unwrap_or(0) }
    }
}
