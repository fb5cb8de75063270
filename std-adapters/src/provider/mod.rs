//! Where pools get memory: as many spans as they ask for.
//!
//! A [backend](crate::backend) is the one span of one heap; a provider gives spans of
//! pages on demand and takes them back. The [pools](crate::pool) cut them into blocks.
//! (Unified Memory Framework: memory provider.)
//!
//! | type | memory | other processes |
//! |---|---|---|
//! | [`OsProvider`] | pages: private, shared, huge, locked, bound to nodes | by descriptor or name, if shared |
//! | [`FixedProvider`] | what the caller has | as what it is part of |
//! | [`FileProvider`] | a file, which keeps its contents | by path |
//! | [`DaxProvider`] | a DAX device | by path |
//! | [`MallocProvider`] | the C library's heap | no |
//! | [`CoarseProvider`] | cuts up another provider's, and keeps what is freed | as the other |
//!
//! Whoever has memory of his own kind implements [`Provider`], and every pool works
//! on it.

mod access;
mod check;
mod coarse;
mod dax;
mod delegate;
mod direct;
mod error;
mod file;
mod file_spans;
mod fixed;
mod huge;
mod live;
mod malloc;
mod mapper;
mod meter;
mod os;
mod private_spans;
mod share;
mod span;

pub use access::Access;
pub use coarse::{CoarseOptions, CoarseProvider, CoarseStats, FreeRanges, Strategy};
pub use dax::{DaxOptions, DaxProvider};
pub use error::ProviderError;
pub use file::{FileOptions, FileProvider};
pub use fixed::{FixedOptions, FixedProvider};
pub use malloc::MallocProvider;
pub use meter::{Meter, Usage};
pub use os::{HugePages, OsOptions, OsProvider, Visibility};
pub use share::{FileRange, Share, SharedName};
pub use span::Span;

use core::fmt;
use core::ptr::NonNull;

use crate::control::Knob;

/// What kind of memory an address is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MemoryKind {
    /// The host's, which the CPU reads and writes.
    Host,
    /// A device's own, which the CPU does not touch.
    Device,
    /// Memory that moves between host and device.
    Managed,
    /// Nobody knows.
    Unknown,
}

/// Gives spans of memory and takes them back.
///
/// Errors are values and say which provider failed and why. What a provider cannot do
/// is [`ProviderError::Unsupported`].
///
/// # Safety
///
/// - A span that was handed out is mapped, as aligned as asked for and nobody else's,
///   until it is freed.
/// - Where [`touchable`](Self::touchable) says so, the CPU may read and write it, as far
///   as the provider's own protection goes.
/// - Where [`zeroed`](Self::zeroed) says so, it reads as zero when it is handed out.
pub unsafe trait Provider: Send + Sync + fmt::Debug {
    /// What the provider is called: `os`, `file`, or what its maker chose.
    fn name(&self) -> &str;

    /// What kind of memory it gives.
    fn kind(&self) -> MemoryKind {
        MemoryKind::Host
    }

    /// Hands out a span of at least `size` bytes whose start is a multiple of `align`,
    /// a power of two, and of the [page size](Self::min_page_size).
    ///
    /// # Errors
    ///
    /// There is no memory, or the request can never be met (0 bytes, an alignment that
    /// is no power of two or more than the provider can do).
    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError>;

    /// Takes a span back.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Foreign`] for a span that can be seen not to be this
    /// provider's, and what the system refuses; the span is as it was then.
    ///
    /// # Safety
    ///
    /// The span came from [`allocate`](Self::allocate) of this provider, or was made of
    /// such ones by [`split`](Self::split) and [`merge`](Self::merge), and is not used
    /// afterwards.
    unsafe fn free(&self, span: Span) -> Result<(), ProviderError>;

    /// The bytes that all spans are multiples of, a power of two.
    fn min_page_size(&self) -> usize;

    /// The page size that suits spans of `size` bytes best.
    fn recommended_page_size(&self, size: usize) -> usize {
        let _ = size;
        self.min_page_size()
    }

    /// The size of the page that `at`, an address in a span of this provider, is in.
    fn page_size_of(&self, at: NonNull<u8>) -> usize {
        let _ = at;
        self.min_page_size()
    }

    /// The number of the device that the memory is on; `None` for the host's.
    fn device(&self) -> Option<u32> {
        None
    }

    /// Bytes that should not be shared by two users: a cache line, or what comes closest
    /// to it in this memory.
    fn cache_line(&self) -> usize {
        64
    }

    /// Whether spans read as zero when they are handed out.
    fn zeroed(&self) -> bool {
        false
    }

    /// Whether the CPU may read and write what is handed out. If not, pools keep all
    /// they need to know elsewhere.
    fn touchable(&self) -> bool {
        true
    }

    /// Lets the system take the pages of `span` when it needs some: their contents may
    /// be lost at any time until they are written next.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], and what the system refuses.
    ///
    /// # Safety
    ///
    /// `span` lies in one that was handed out, on page boundaries; what is in it is not
    /// needed any more.
    unsafe fn purge_lazy(&self, span: Span) -> Result<(), ProviderError> {
        let _ = span;
        Err(self.unsupported("purge_lazy"))
    }

    /// Gives the memory behind `span` back at once, wherever the memory comes from; it
    /// reads as zero afterwards.
    ///
    /// # Errors
    ///
    /// As [`purge_lazy`](Self::purge_lazy). The contents are undefined then.
    ///
    /// # Safety
    ///
    /// As for [`purge_lazy`](Self::purge_lazy).
    unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
        let _ = span;
        Err(self.unsupported("purge_force"))
    }

    /// Makes sure that what [`purge_force`](Self::purge_force) took can be written again
    /// without fault; what is in `span` stays.
    ///
    /// Shared memory may have run out meanwhile, and who writes to it ends by SIGBUS
    /// then. Private memory needs no such call.
    ///
    /// # Errors
    ///
    /// [`ProviderError::NoMemory`], and what the system refuses.
    ///
    /// # Safety
    ///
    /// `span` lies in one that was handed out, on page boundaries.
    unsafe fn commit(&self, span: Span) -> Result<(), ProviderError> {
        let _ = span;
        Ok(())
    }

    /// Makes two spans of one: the first `at` bytes and the rest, which are freed each
    /// by itself from then on.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], and [`ProviderError::BadCut`] if `at` is no
    /// multiple of the page size inside of the span. The span is one then.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free), but for the use afterwards.
    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        let _ = (span, at);
        Err(self.unsupported("split"))
    }

    /// Makes one span of two that lie side by side, as [`split`](Self::split) had left
    /// them.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`], and [`ProviderError::Apart`] if `high` does not
    /// begin where `low` ends or they are not of one piece.
    ///
    /// # Safety
    ///
    /// As for [`split`](Self::split), for both.
    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        let _ = (low, high);
        Err(self.unsupported("merge"))
    }

    /// Writes `byte` to all of `len` bytes at `to`.
    ///
    /// # Errors
    ///
    /// What the device refuses. The CPU's own writing never fails.
    ///
    /// # Safety
    ///
    /// The bytes are in a span of this provider and nobody else's.
    unsafe fn fill(&self, to: NonNull<u8>, byte: u8, len: usize) -> Result<(), ProviderError> {
        if !self.touchable() {
            return Err(self.unsupported("fill"));
        }
        // SAFETY: the caller's bytes, which the CPU may write.
        unsafe { to.write_bytes(byte, len) };
        Ok(())
    }

    /// Copies `len` bytes within this memory; the places may overlap.
    ///
    /// # Errors
    ///
    /// As [`fill`](Self::fill).
    ///
    /// # Safety
    ///
    /// Both places are in spans of this provider, and nobody else's.
    unsafe fn copy(
        &self,
        from: NonNull<u8>,
        to: NonNull<u8>,
        len: usize,
    ) -> Result<(), ProviderError> {
        if !self.touchable() {
            return Err(self.unsupported("copy"));
        }
        // SAFETY: the caller's bytes, which the CPU may read and write.
        unsafe { to.copy_from(from, len) };
        Ok(())
    }

    /// How many bytes are handed out, and the most that ever were.
    fn usage(&self) -> Usage;

    /// Lets the most that ever were handed out be what is handed out now.
    fn reset_peak(&self);

    /// How other processes can have the same memory; `None` if they cannot.
    fn share(&self) -> Option<&dyn Share> {
        None
    }

    /// What can be read, set and run by name, besides what every provider has.
    fn knobs(&self) -> Vec<Knob<'_>> {
        Vec::new()
    }

    /// The error for what this provider cannot do.
    fn unsupported(&self, operation: &'static str) -> ProviderError {
        ProviderError::Unsupported { provider: self.name().to_owned(), operation }
    }
}
