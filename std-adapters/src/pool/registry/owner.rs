//! Whose an address is.

use core::ptr::NonNull;
use std::sync::Arc;

use anymem_core::sync::owners::Entry;

use super::{PoolHandle, of_key};
use crate::pool::Tracked;
use crate::pool::owners::{OwnerMap, Region};
use crate::provider::{Provider, Span};

/// What the process knows of an address: the innermost span that some pool has taken of
/// its provider, and whose it is.
#[derive(Debug, Clone)]
pub struct Owner {
    region: Region,
    memory: Tracked,
}

/// Whose an address is; `None` if no pool has it, or one that is not tracked.
#[must_use]
pub fn owner(at: NonNull<u8>) -> Option<Owner> {
    let region = OwnerMap::global().region(at)?;
    Some(Owner { region, memory: Tracked::of(region.owner)? })
}

impl Owner {
    /// The span that was taken of the provider. (`UMF_MEMORY_PROPERTY_BASE_ADDRESS`,
    /// `…_BASE_SIZE`)
    #[must_use]
    pub fn span(&self) -> Span {
        self.region.span
    }

    /// The span's number, which no other one of the process ever has, also at the same
    /// address. (`UMF_MEMORY_PROPERTY_BUFFER_ID`)
    #[must_use]
    pub fn id(&self) -> u64 {
        self.region.id
    }

    /// The provider. (`UMF_MEMORY_PROPERTY_PROVIDER_HANDLE`)
    #[must_use]
    pub fn provider(&self) -> &Arc<dyn Provider> {
        self.memory.upstream()
    }

    /// The pool, if it is registered. (`UMF_MEMORY_PROPERTY_POOL_HANDLE`)
    #[must_use]
    pub fn pool(&self) -> Option<PoolHandle> {
        of_key(self.memory.key())
    }

    /// Whose the span itself is, if it lies in one of another pool.
    #[must_use]
    pub fn outer(&self) -> Option<Self> {
        let outer = Entry::from_word(self.region.outer)?;
        let region = OwnerMap::global().behind(outer, self.region.span.start)?;
        Some(Self { region, memory: Tracked::of(region.owner)? })
    }
}
