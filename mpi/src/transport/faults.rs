//! A transport that fails when it is told to, and counts what it does.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{AnyTransport, Arenas, Kind, Transport, TransportError};

/// Another transport, with a failure at a chosen operation; for tests of what uses it.
///
/// Operations are gets, puts, flushes and what all ranks do together. The one that fails is
/// done in part: half of the bytes of a get or put, all of a flush, of which nobody is told.
///
/// ```
/// use anymem_mpi::{Faults, LoopBack, Transport, TransportError};
/// use std::sync::Arc;
///
/// let transport = Faults::new(Arc::new(LoopBack::alone(4096)?));
/// transport.fail_after(1);
/// assert!(transport.barrier().is_ok());
/// let failed = TransportError::Failed { rank: 0, code: TransportError::INJECTED };
/// assert_eq!(transport.flush(0), Err(failed));
/// assert!(transport.flush(0).is_ok());
/// assert_eq!(transport.operations(), 3);
/// # Ok::<(), TransportError>(())
/// ```
pub struct Faults {
    inner: AnyTransport,
    operations: AtomicU64,
    bytes: AtomicU64,
    failing: AtomicU64,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faults").field("operations", &self.operations).finish_non_exhaustive()
    }
}

impl Faults {
    /// `inner`, which fails only when it does by itself.
    #[must_use]
    pub fn new(inner: AnyTransport) -> Self {
        let (operations, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { inner, operations, bytes, failing: AtomicU64::new(u64::MAX) }
    }

    /// Lets the operation fail that comes after `operations` others.
    pub fn fail_after(&self, operations: u64) {
        self.failing.store(self.operations().saturating_add(operations), Ordering::Relaxed);
    }

    /// How many operations there were.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    /// How many bytes were got and put.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Counts an operation; whether it is to fail.
    fn fails(&self) -> bool {
        self.operations.fetch_add(1, Ordering::Relaxed) == self.failing.load(Ordering::Relaxed)
    }

    /// Makes a copy of `len` bytes by `copy`, or half of it.
    fn copy(
        &self,
        rank: u32,
        len: usize,
        copy: impl FnOnce(usize) -> Result<(), TransportError>,
    ) -> Result<(), TransportError> {
        let fails = self.fails();
        let len = if fails { len / 2 } else { len };
        copy(len)?;
        self.bytes.fetch_add(len as u64, Ordering::Relaxed);
        if fails {
            // What failed is not on the way any more.
            self.inner.flush(rank)?;
        }
        Self::injected(fails, rank)
    }

    fn injected(fails: bool, rank: u32) -> Result<(), TransportError> {
        let code = TransportError::INJECTED;
        if fails { Err(TransportError::Failed { rank, code }) } else { Ok(()) }
    }
}

// SAFETY: all is passed on to a transport, or less of it.
unsafe impl Transport for Faults {
    fn kind(&self) -> Kind {
        self.inner.kind()
    }

    fn arenas(&self) -> &Arenas {
        self.inner.arenas()
    }

    fn shared(&self, rank: u32) -> Option<NonNull<[u8]>> {
        self.inner.shared(rank)
    }

    unsafe fn get(
        &self,
        to: *mut u8,
        rank: u32,
        from: u64,
        len: usize,
    ) -> Result<(), TransportError> {
        // SAFETY: the caller vouches for all of the bytes.
        self.copy(rank, len, |len| unsafe { self.inner.get(to, rank, from, len) })
    }

    unsafe fn put(
        &self,
        rank: u32,
        to: u64,
        from: *const u8,
        len: usize,
    ) -> Result<(), TransportError> {
        // SAFETY: the caller vouches for all of the bytes.
        self.copy(rank, len, |len| unsafe { self.inner.put(rank, to, from, len) })
    }

    fn flush(&self, rank: u32) -> Result<(), TransportError> {
        let fails = self.fails();
        self.inner.flush(rank)?;
        Self::injected(fails, rank)
    }

    fn all_gather(&self, mine: &[u8], all: &mut [u8]) -> Result<(), TransportError> {
        let fails = self.fails();
        self.inner.all_gather(mine, all)?;
        Self::injected(fails, self.rank())
    }

    fn progress(&self) -> Result<(), TransportError> {
        self.inner.progress()
    }
}
