//! Our pools.

use core::{
    alloc::{GlobalAlloc, Layout},
    ptr::{self, NonNull},
};
use std::sync::Arc;

use anymem::{
    ipc::{self, IpcHandle},
    pool::{
        self, DisjointOptions, JemallocOptions, Pool, PoolHandle, ProxyOptions, ScalableOptions,
        Tracked,
    },
    provider::{OsOptions, OsProvider, Provider, Span, Visibility},
};

use super::kind::Kind;

/// A pool of ours, over memory of the system's.
#[derive(Clone, Debug)]
pub(super) struct OurPool {
    pool: PoolHandle,
    /// Whether blocks are freed by address alone.
    by_address: bool,
}

/// Makes a pool of `kind`, all of whose memory is tracked.
pub(super) fn pool(kind: Kind) -> Result<OurPool, String> {
    let os: Arc<dyn Provider> = Arc::new(OsProvider::new().map_err(said)?);
    let tracked = |provider| Tracked::new(provider).map_err(said);
    let pool = match kind {
        Kind::Disjoint => {
            PoolHandle::new(DisjointOptions::new().build(tracked(os)?).map_err(said)?)
        }
        Kind::Jemalloc => {
            PoolHandle::new(JemallocOptions::new().build(tracked(os)?).map_err(said)?)
        }
        Kind::Scalable => {
            PoolHandle::new(ScalableOptions::new().build(tracked(os)?).map_err(said)?)
        }
        Kind::Proxy => PoolHandle::new(ProxyOptions::new().build(tracked(os)?)),
    };
    Ok(OurPool { pool, by_address: false })
}

fn said(error: impl ToString) -> String {
    error.to_string()
}

impl OurPool {
    /// Returns the same pool, with blocks freed by address alone.
    pub(super) fn by_address(&self) -> Self {
        Self { by_address: true, ..self.clone() }
    }

    /// Returns whether the registry knows that the pool has `block`.
    pub(super) fn owns(&self, block: *const u8) -> bool {
        let found = NonNull::new(block.cast_mut()).and_then(pool::id_of);
        found == Some(self.pool.id())
    }
}

// SAFETY: blocks are those of a pool, which keeps the same contract.
unsafe impl GlobalAlloc for OurPool {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.pool.allocate(layout).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        let Some(block) = NonNull::new(block) else { return };
        // What went wrong would show in what is measured: memory would run out.
        let _ = match self.by_address {
            // SAFETY: a block of the pool, which is used no more.
            true => unsafe { pool::free(block) },
            // SAFETY: as above.
            false => unsafe { self.pool.free(block) },
        };
    }
}

/// Who has regions that others open.
#[derive(Debug)]
pub(super) struct Exporter {
    provider: OsProvider,
    spans: Vec<Span>,
}

impl Exporter {
    /// Makes `count` regions of `size` bytes, each written to.
    pub(super) fn new(count: usize, size: usize) -> Result<Self, String> {
        let provider = OsOptions::new().visibility(Visibility::Shared).build().map_err(said)?;
        let span = |_| {
            let span = provider.allocate(size, size_of::<usize>()).map_err(said)?;
            // SAFETY: just handed out, and as long.
            unsafe { span.start.write_bytes(1, size) };
            Ok(span)
        };
        let spans = (0..count).map(span).collect::<Result<_, String>>()?;
        Ok(Self { provider, spans })
    }

    pub(super) fn spans(&self) -> Vec<Span> {
        self.spans.clone()
    }

    /// Makes a handle of a region.
    pub(super) fn get(&self, span: Span) -> Result<IpcHandle, String> {
        ipc::get_from(&self.provider, span).map_err(said)
    }

    /// Makes a handle of each region, as bytes.
    pub(super) fn handles(&self) -> Result<Vec<Vec<u8>>, String> {
        self.spans.iter().map(|&span| Ok(self.get(span)?.to_bytes().to_vec())).collect()
    }
}
