//! Straight to the provider: a span for each block.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::Arc;

use super::spans::SpanMap;
use super::{Pool, PoolError, PoolStats};
use crate::provider::{Provider, Span};

/// A pool that gives each block a span of the provider's own.
///
/// For blocks of pages and more, for providers that do pooling themselves, and to see
/// what a provider does. Any provider will do, also one whose memory the CPU cannot touch:
/// all that is known of a block is kept elsewhere.
///
/// A block takes whole pages, all of which [may be used](Pool::usable_size).
///
/// ```
/// use std::sync::Arc;
///
/// use anymem::pool::{Pool, ProxyPool};
/// use anymem::provider::OsProvider;
/// # use core::alloc::Layout;
/// let pool = ProxyPool::new(Arc::new(OsProvider::new()?));
/// let block = pool.allocate_zeroed(Layout::new::<[u8; 100]>())?;
/// assert!(pool.usable_size(block)? >= 100);
/// // SAFETY: the block is live, and not used any more.
/// unsafe { pool.free(block) }?;
/// # Ok::<(), anymem::pool::PoolError>(())
/// ```
#[derive(Debug)]
pub struct ProxyPool {
    provider: Arc<dyn Provider>,
    name: String,
    spans: SpanMap,
}

impl ProxyPool {
    /// A pool of spans of `provider`.
    #[must_use]
    pub fn new(provider: Arc<dyn Provider>) -> Self {
        Self { provider, name: "proxy".to_owned(), spans: SpanMap::default() }
    }

    /// The same, called `name`.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The error for an address that no block starts at.
    fn not_a_block(&self, block: NonNull<u8>) -> PoolError {
        PoolError::NotABlock { pool: self.name.clone(), address: block.addr().get() }
    }

    fn span(&self, layout: Layout) -> Result<Span, PoolError> {
        Ok(self.provider.allocate(layout.size().max(1), layout.align())?)
    }
}

// SAFETY: every block is the start of a span that the provider handed out, and which is
// freed by nobody else; sizes and alignments are the provider's contract.
unsafe impl Pool for ProxyPool {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> &dyn Provider {
        &*self.provider
    }

    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let span = self.span(layout)?;
        self.spans.insert(span);
        Ok(span.start)
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let span = self.span(layout)?;
        if !self.provider.zeroed() {
            // SAFETY: the span is new and has that many bytes.
            if let Err(error) = unsafe { self.provider.fill(span.start, 0, layout.size()) } {
                // SAFETY: nobody else has heard of the span.
                unsafe { self.provider.free(span) }?;
                return Err(error.into());
            }
        }
        self.spans.insert(span);
        Ok(span.start)
    }

    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        let span = self.spans.remove(block).ok_or_else(|| self.not_a_block(block))?;
        // SAFETY: the span is one of the provider's, and the caller's block was all of it.
        unsafe { self.provider.free(span) }.map_err(|error| {
            self.spans.insert(span);
            error.into()
        })
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        self.spans.get(block).map(|span| span.len).ok_or_else(|| self.not_a_block(block))
    }

    fn stats(&self) -> PoolStats {
        let held = self.spans.held();
        PoolStats { used: held.bytes, reserved: held.bytes, blocks: held.spans }
    }
}

impl Drop for ProxyPool {
    /// Gives back what blocks there are still.
    fn drop(&mut self) {
        self.spans.drain(|span| {
            // SAFETY: the span is one of the provider's; a block of a pool that is gone is
            // nobody's any more.
            let _ = unsafe { self.provider.free(span) };
        });
    }
}
