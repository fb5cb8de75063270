//! A provider whose memory is where it was asked to be.

use core::ptr::NonNull;

use super::{MemPolicy, MemSpace, NumaError, present};
use crate::control::{Knob, Value};
use crate::provider::{MemoryKind, Provider, ProviderError, Share, Span, Usage};
use crate::sys::page_size;

/// A provider that hands out what another gives, with a [`MemPolicy`] over a [`MemSpace`]
/// applied to each span.
///
/// [`MemSpace::provider`] makes it, of any provider whose memory the CPU can touch: also of
/// shared memory and of memory that was used before, whose pages are moved. Shared and huge
/// pages are brought in. Where a span cannot be bound, the allocation fails: nothing is
/// handed out that is elsewhere.
///
/// ```
/// use anymem::numa::{MemPolicy, MemSpace, Topology, nodes_of};
/// use anymem::provider::{OsProvider, Provider};
/// let machine = Topology::of_machine()?;
/// let largest = MemSpace::highest_capacity(&machine).first(1);
/// let provider = largest.provider(MemPolicy::Bind, OsProvider::new()?)?;
/// let span = provider.allocate(1 << 20, 4096)?;
/// // SAFETY: the span is that long.
/// unsafe { span.start.write_bytes(1, span.len) };
/// let node = largest.iter().next().map(|target| target.id());
/// assert!(nodes_of(span, 4096)?.iter().all(|found| *found == node));
/// # // SAFETY: it came from there.
/// # unsafe { provider.free(span) }?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Bound<P> {
    inner: P,
    policy: MemPolicy,
    space: MemSpace,
}

impl<P: Provider> Bound<P> {
    pub(super) fn new(space: MemSpace, policy: MemPolicy, inner: P) -> Result<Self, NumaError> {
        if !inner.touchable() {
            let setting = "the provider of memory to bind";
            let why = "use one whose memory the CPU can touch".to_owned();
            return Err(NumaError::BadSetting { setting, value: inner.name().to_owned(), why });
        }
        policy.check(&space, inner.min_page_size())?;
        Ok(Self { inner, policy, space })
    }

    /// Whose memory it is.
    #[must_use]
    pub fn inner(&self) -> &P {
        &self.inner
    }

    /// What is applied to each span.
    #[must_use]
    pub fn policy(&self) -> &MemPolicy {
        &self.policy
    }

    /// Where the memory is.
    #[must_use]
    pub fn space(&self) -> &MemSpace {
        &self.space
    }

    fn bind(&self, span: Span) -> Result<(), NumaError> {
        let page = self.inner.page_size_of(span.start);
        self.policy.apply(&self.space, span, page)?;
        if self.inner.share().is_none() && page == page_size() {
            return Ok(());
        }
        // Pages that are set aside in a file show nowhere before they are used, and huge
        // pages may be used up on their node, which would be told by a signal.
        present::bring_in(span)?;
        self.policy.apply(&self.space, span, page)
    }
}

// SAFETY: all is the inner provider's, which keeps the promises; a policy changes where
// bytes are, and nothing else.
unsafe impl<P: Provider> Provider for Bound<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn kind(&self) -> MemoryKind {
        self.inner.kind()
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let span = self.inner.allocate(size, align)?;
        if let Err(error) = self.bind(span) {
            // SAFETY: the span is the inner provider's, and nobody else has heard of it.
            unsafe { self.inner.free(span) }?;
            return Err(error.into());
        }
        Ok(span)
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.free(span) }
    }

    fn min_page_size(&self) -> usize {
        self.inner.min_page_size()
    }

    fn recommended_page_size(&self, size: usize) -> usize {
        self.inner.recommended_page_size(size)
    }

    fn page_size_of(&self, at: NonNull<u8>) -> usize {
        self.inner.page_size_of(at)
    }

    fn cache_line(&self) -> usize {
        self.inner.cache_line()
    }

    fn zeroed(&self) -> bool {
        self.inner.zeroed()
    }

    unsafe fn purge_lazy(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.purge_lazy(span) }
    }

    unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.purge_force(span) }
    }

    unsafe fn commit(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.commit(span) }
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.split(span, at) }
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.merge(low, high) }
    }

    unsafe fn fill(&self, to: NonNull<u8>, byte: u8, len: usize) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.fill(to, byte, len) }
    }

    unsafe fn copy(
        &self,
        from: NonNull<u8>,
        to: NonNull<u8>,
        len: usize,
    ) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.copy(from, to, len) }
    }

    fn usage(&self) -> Usage {
        self.inner.usage()
    }

    fn reset_peak(&self) {
        self.inner.reset_peak();
    }

    fn share(&self) -> Option<&dyn Share> {
        self.inner.share()
    }

    fn knobs(&self) -> Vec<Knob<'_>> {
        let mut knobs = self.inner.knobs();
        knobs.push(Knob::of("numa.policy", || Value::Text(self.policy.to_string())));
        knobs.push(Knob::of("numa.nodes", || Value::Text(self.space.nodes().to_string())));
        knobs
    }
}
