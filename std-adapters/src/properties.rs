//! What is known of an address.

use core::ptr::NonNull;
use std::sync::Arc;

use crate::ipc;
use crate::numa::{self, NodeId};
use crate::pool::{self, Owner, PoolHandle};
use crate::provider::{MemoryKind, Provider, Span};
use crate::sys;

/// What is known of an address: whose it is, and what memory it is.
///
/// ```
/// use std::alloc::Layout;
/// use std::sync::Arc;
///
/// use anymem::pool::{DisjointOptions, Pool, PoolHandle, Tracked};
/// use anymem::provider::{MemoryKind, OsProvider};
/// use anymem::Properties;
///
/// let memory = Tracked::new(Arc::new(OsProvider::new()?))?;
/// let pool = PoolHandle::new(DisjointOptions::new().build(memory)?);
/// let block = pool.allocate(Layout::new::<u64>())?;
/// let found = Properties::of(block).expect("a pool has it");
/// assert_eq!(found.pool().map(|it| it.id()), Some(pool.id()));
/// assert_eq!((found.kind(), found.device()), (MemoryKind::Host, None));
/// assert!(found.span().contains(block));
/// # // SAFETY: nobody uses the block any more.
/// # unsafe { pool.free(block)? };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// (Unified Memory Framework: `umfGetMemoryPropertiesHandle`, `umfGetMemoryProperty`.)
#[derive(Debug, Clone)]
pub struct Properties {
    at: NonNull<u8>,
    whose: Whose,
}

// SAFETY: the address is only ever compared, and looked up.
unsafe impl Send for Properties {}
// SAFETY: as for `Send`.
unsafe impl Sync for Properties {}

#[derive(Debug, Clone)]
enum Whose {
    /// A pool of this process.
    Own(Owner),
    /// Another process.
    Peer(ipc::Found),
}

/// What sets the numbers of mappings apart from those of spans.
const PEERS: u64 = 1 << 63;

impl Properties {
    /// What is known of an address in a block of any pool, or in memory of another process
    /// that is mapped in this one; `None` if it is neither.
    #[must_use]
    pub fn of(at: NonNull<u8>) -> Option<Self> {
        let own = || pool::owner(at).map(Whose::Own);
        let whose = own().or_else(|| ipc::find(at).map(Whose::Peer))?;
        Some(Self { at, whose })
    }

    /// The pool that has it, if it is registered. (`UMF_MEMORY_PROPERTY_POOL_HANDLE`)
    #[must_use]
    pub fn pool(&self) -> Option<PoolHandle> {
        self.owner()?.pool()
    }

    /// The provider that it is of; none if it is another process's.
    /// (`UMF_MEMORY_PROPERTY_PROVIDER_HANDLE`)
    #[must_use]
    pub fn provider(&self) -> Option<&Arc<dyn Provider>> {
        Some(self.owner()?.provider())
    }

    /// What is known of the memory, if it is another process's.
    #[must_use]
    pub fn peer(&self) -> Option<&ipc::Found> {
        if let Whose::Peer(found) = &self.whose { Some(found) } else { None }
    }

    /// The number of the span, which no other one of the process ever has, also at the
    /// same address. (`UMF_MEMORY_PROPERTY_BUFFER_ID`)
    #[must_use]
    pub fn id(&self) -> u64 {
        match &self.whose {
            Whose::Own(owner) => owner.id(),
            Whose::Peer(found) => found.id | PEERS,
        }
    }

    /// The span that it is in, as the provider has given it.
    /// (`UMF_MEMORY_PROPERTY_BASE_ADDRESS`, `…_BASE_SIZE`)
    #[must_use]
    pub fn span(&self) -> Span {
        match &self.whose {
            Whose::Own(owner) => owner.span(),
            Whose::Peer(found) => found.span,
        }
    }

    /// What kind of memory it is. (`UMF_MEMORY_PROPERTY_POINTER_TYPE`)
    #[must_use]
    pub fn kind(&self) -> MemoryKind {
        self.provider().map_or(MemoryKind::Host, |provider| provider.kind())
    }

    /// The number of the device that it is on, if it is on one.
    /// (`UMF_MEMORY_PROPERTY_DEVICE`)
    #[must_use]
    pub fn device(&self) -> Option<u32> {
        self.provider()?.device()
    }

    /// How large its page is.
    #[must_use]
    pub fn page_size(&self) -> usize {
        match &self.whose {
            Whose::Own(owner) => owner.provider().page_size_of(self.at),
            Whose::Peer(found) => found.page_size,
        }
    }

    /// The node that its page is on at this moment; none if nothing was written there yet,
    /// or the system does not tell.
    #[must_use]
    pub fn node(&self) -> Option<NodeId> {
        let page = sys::page_size();
        let start = self.at.map_addr(|at| {
            // The null page is nobody's.
            (at.get() & !(page - 1)).try_into().unwrap_or(at)
        });
        numa::nodes_of(Span::new(start, page), page).ok()?.first().copied().flatten()
    }

    fn owner(&self) -> Option<&Owner> {
        if let Whose::Own(owner) = &self.whose { Some(owner) } else { None }
    }
}
