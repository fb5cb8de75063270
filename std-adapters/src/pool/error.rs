//! Why a pool could not do what it was asked for.

use anymem_core::allocator::AllocError;
use thiserror::Error;

use crate::provider::ProviderError;

/// Why a pool could not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// More than any block can have.
    #[error("{requested} bytes are more than a block can have: use smaller blocks")]
    TooLarge {
        /// Bytes that were asked for.
        requested: usize,
    },
    /// The pool may not have more.
    #[error(
        "the pool may have {limit} bytes and has no room for {requested}: free blocks or raise its limit"
    )]
    Limit {
        /// Bytes that were asked for.
        requested: usize,
        /// The most that the pool may have.
        limit: usize,
    },
    /// No live block starts at the address.
    #[error(
        "no block of the pool {pool:?} starts at {address:#x}: it was freed before, or is another's"
    )]
    NotABlock {
        /// Which pool.
        pool: String,
        /// The address.
        address: usize,
    },
    /// No pool has the address.
    #[error("no pool has the address {address:#x}: free it where it comes from")]
    Nobodys {
        /// The address.
        address: usize,
    },
    /// The heap that the pool is made of cannot be used.
    #[error(transparent)]
    Heap(AllocError),
    /// There can be no more pools.
    #[error("there can be {most} pools at a time: drop one that is not needed")]
    TooMany {
        /// How many there can be.
        most: usize,
    },
    /// A pool cannot go while blocks of it are live.
    #[error("the pool {pool:?} has {blocks} live blocks: free them before it goes")]
    InUse {
        /// Which pool.
        pool: String,
        /// How many blocks there are.
        blocks: usize,
    },
    /// The settings make no sense.
    #[error("{setting} cannot be {value}: {why}")]
    BadSetting {
        /// Which setting.
        setting: &'static str,
        /// What it was to be.
        value: String,
        /// What is wrong with it, and what to do.
        why: String,
    },
    /// A library that the pool is made of is not there.
    #[error("the library {library} cannot be used ({why}): {hint}")]
    Library {
        /// Its file name.
        library: &'static str,
        /// What was found.
        why: String,
        /// What to do.
        hint: &'static str,
    },
}
