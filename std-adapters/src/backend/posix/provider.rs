//! A span of a provider as the memory of a heap.

use core::ptr::NonNull;
use std::sync::Arc;

use anymem_core::backend::{Backend, CommitError};
use anymem_core::offset::Offset;

use crate::provider::{Provider, ProviderError, Span};
use crate::size::Size;
use crate::sys::ALIGN;

/// One span of a [provider](crate::provider), aligned to 64 KiB, which goes back when
/// this is dropped.
///
/// So the heaps of offsets, the thread-local one and the scalable-page one, work in any
/// memory that a provider has and the CPU can read and write.
///
/// ```
/// use std::sync::Arc;
///
/// use anymem::Size;
/// use anymem::backend::{Backend, ProviderBackend};
/// use anymem::provider::OsProvider;
/// let backend = ProviderBackend::new(Arc::new(OsProvider::new()?), Size::mib(16))?;
/// assert_eq!(backend.len(), 16 << 20);
/// # Ok::<(), anymem::provider::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct ProviderBackend {
    provider: Arc<dyn Provider>,
    /// What the provider gave, and takes back.
    span: Span,
    len: usize,
}

impl ProviderBackend {
    /// Takes a span of `size` bytes.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] if the CPU cannot read and write the provider's
    /// memory, and those of [`Provider::allocate`].
    pub fn new(provider: Arc<dyn Provider>, size: Size) -> Result<Self, ProviderError> {
        if !provider.touchable() {
            return Err(provider.unsupported("memory that the CPU can read and write"));
        }
        let len = size.get();
        let span = provider.allocate(len, ALIGN)?;
        Ok(Self { provider, span, len })
    }

    /// Where the span is from.
    #[must_use]
    pub fn provider(&self) -> &Arc<dyn Provider> {
        &self.provider
    }

    /// A part of the span, as whole pages; `None` if it is not inside.
    fn pages(&self, at: Offset, len: usize) -> Option<Span> {
        let page = self.provider.min_page_size();
        let start = at.get() & !(page - 1);
        let end = at.get().checked_add(len)?.checked_next_multiple_of(page)?;
        if len == 0 || end > self.span.len {
            return None;
        }
        let whole = self.span;
        let addr = whole.start.addr().checked_add(start)?;
        Some(Span::new(whole.start.with_addr(addr), end - start))
    }
}

// SAFETY: the span is the backend's until it is dropped, aligned as was asked for, and
// readable and writable (checked by `new`); what `decommit` has purged is backed again by
// `commit`, as the provider promises.
unsafe impl Backend for ProviderBackend {
    const ALIGN: usize = ALIGN;

    #[inline]
    fn base(&self) -> NonNull<u8> {
        self.span.start
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    fn zeroed(&self) -> bool {
        self.provider.zeroed()
    }

    fn shared(&self) -> bool {
        self.provider.share().is_some()
    }

    fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError> {
        let failed = |code| CommitError { at, len, code, gone: false };
        let Some(pages) = self.pages(at, len) else {
            return if len == 0 { Ok(()) } else { Err(failed(libc::EINVAL)) };
        };
        // SAFETY: the pages are part of the span, which is handed out.
        unsafe { self.provider.commit(pages) }.map_err(|error| match error {
            ProviderError::NoMemory { code, .. } | ProviderError::System { code, .. } => {
                failed(code)
            }
            _ => failed(0),
        })
    }

    fn decommit(&self, at: Offset, len: usize) -> bool {
        let whole = |pages: &Span| (pages.addr(), pages.len) == (self.span.addr() + at.get(), len);
        self.pages(at, len).filter(whole).is_some_and(|pages| {
            // SAFETY: the pages are part of the span, and the caller has no need of what is
            // in them.
            unsafe { self.provider.purge_force(pages) }.is_ok()
        })
    }
}

impl Drop for ProviderBackend {
    fn drop(&mut self) {
        // SAFETY: the span is the provider's, and nobody uses it without the backend.
        let _ = unsafe { self.provider.free(self.span) };
    }
}
