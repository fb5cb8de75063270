//! What is known of an address.
//!
//! [`Properties`] knows blocks of pools, and memory of other processes that is mapped. Of
//! any other it asks [sources](Source), which crates [add](add_source) that get memory
//! elsewhere: `anymem-gpu` is one, for what drivers of devices give out.

mod source;

use core::ptr::NonNull;
use std::sync::Arc;

use crate::ipc;
use crate::numa::{self, NodeId};
use crate::pool::{self, Owner, PoolHandle};
use crate::provider::{MemoryKind, Provider, Span};
use crate::sys;

pub use self::source::{Known, Source, add_source, new_id};

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
    /// Whoever a source knows.
    Known(Known),
}

/// What sets the numbers of mappings apart from those of spans.
const PEERS: u64 = 1 << 63;

/// What sets the numbers apart that others gave their blocks.
const FOREIGN: u64 = 1 << 62;

impl Properties {
    /// What is known of an address in a block of any pool, in memory of another process
    /// that is mapped in this one, or in memory that a [`Source`] knows; `None` if it is
    /// neither.
    #[must_use]
    pub fn of(at: NonNull<u8>) -> Option<Self> {
        let own = || pool::owner(at).map(Whose::Own);
        let peer = || ipc::find(at).map(Whose::Peer);
        let known = || source::find(at).map(Whose::Known);
        Some(Self { at, whose: own().or_else(peer).or_else(known)? })
    }

    /// What the memory is called: the name of its provider, or what a [`Source`] says;
    /// `peer` if it is another process's.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.whose {
            Whose::Own(owner) => owner.provider().name(),
            Whose::Peer(_) => "peer",
            Whose::Known(known) => known.name,
        }
    }

    /// Whether this program got the memory by anymem.
    #[must_use]
    pub fn is_own(&self) -> bool {
        match &self.whose {
            Whose::Own(_) => true,
            Whose::Peer(_) => false,
            Whose::Known(known) => known.own,
        }
    }

    /// The pool that has it, if it is registered. (`UMF_MEMORY_PROPERTY_POOL_HANDLE`)
    #[must_use]
    pub fn pool(&self) -> Option<PoolHandle> {
        self.owner()?.pool()
    }

    /// The provider that it is of; none if it is another process's, or of none.
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
    /// same address; of memory that is not [its own](Self::is_own), as far as whoever gave
    /// it out sees to that. (`UMF_MEMORY_PROPERTY_BUFFER_ID`)
    #[must_use]
    pub fn id(&self) -> u64 {
        match &self.whose {
            Whose::Own(owner) => owner.id(),
            Whose::Peer(found) => found.id | PEERS,
            Whose::Known(Known { own: true, id, .. }) => *id,
            Whose::Known(Known { id, .. }) => id & (FOREIGN - 1) | FOREIGN,
        }
    }

    /// The span that it is in, as the provider, or the driver of a device, has given it.
    /// (`UMF_MEMORY_PROPERTY_BASE_ADDRESS`, `…_BASE_SIZE`)
    #[must_use]
    pub fn span(&self) -> Span {
        match &self.whose {
            Whose::Own(owner) => owner.span(),
            Whose::Peer(found) => found.span,
            Whose::Known(known) => known.span,
        }
    }

    /// What kind of memory it is. (`UMF_MEMORY_PROPERTY_POINTER_TYPE`)
    #[must_use]
    pub fn kind(&self) -> MemoryKind {
        match &self.whose {
            Whose::Own(owner) => owner.provider().kind(),
            Whose::Peer(_) => MemoryKind::Host,
            Whose::Known(known) => known.kind,
        }
    }

    /// The number of the device that it is on, if it is on one.
    /// (`UMF_MEMORY_PROPERTY_DEVICE`)
    #[must_use]
    pub fn device(&self) -> Option<u32> {
        match &self.whose {
            Whose::Own(owner) => owner.provider().device(),
            Whose::Peer(_) => None,
            Whose::Known(known) => known.device,
        }
    }

    /// How large its page is.
    #[must_use]
    pub fn page_size(&self) -> usize {
        match &self.whose {
            Whose::Own(owner) => owner.provider().page_size_of(self.at),
            Whose::Peer(found) => found.page_size,
            Whose::Known(known) => known.page_size,
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
