//! Memory that somebody has already.

use std::sync::Arc;

use super::coarse::{Carved, Strategy};
use super::{CoarseStats, MemoryKind, Meter, Provider, ProviderError, Share, Span, Usage, check};
use crate::size::Size;
use crate::sys::{errno, map, page_size};

/// Parts of memory that the caller has: an array, a mapping, a block of some pool.
///
/// A block of a pool over another such provider will do as well, to any depth. Nothing is
/// written to the memory, which is never unmapped.
///
/// ```
/// use core::ptr::NonNull;
///
/// use anymem::provider::{FixedProvider, Provider, Span};
/// let mut memory = vec![0_u8; 100_000];
/// let span = Span::new(NonNull::from(memory.as_mut_slice()).cast(), memory.len());
/// // SAFETY: the memory outlives the provider, and nobody else uses it.
/// let fixed = unsafe { FixedProvider::new(span) }?;
/// let part = fixed.allocate(1, 1)?;
/// assert!(span.contains(part.start) && part.len == 4096);
/// # Ok::<(), anymem::provider::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct FixedProvider {
    carved: Carved,
    purges: bool,
    owner: Option<Arc<dyn Provider>>,
}

/// How to make a [`FixedProvider`].
///
/// ```
/// use std::sync::Arc;
///
/// use anymem::Size;
/// use anymem::provider::{FixedOptions, OsOptions, Provider, Visibility};
/// let os = Arc::new(OsOptions::new().visibility(Visibility::Shared).build()?);
/// let span = os.allocate(1 << 20, 1 << 20)?;
/// let options = FixedOptions::new().page_size(Size::kib(64)).part_of(os);
/// // SAFETY: the span is not freed before the provider goes, and nobody else uses it.
/// let fixed = unsafe { options.over(span) }?;
/// let part = fixed.allocate(1, 1)?;
/// assert!(fixed.share().expect("what it is part of can").file_of(part).is_ok());
/// # Ok::<(), anymem::provider::ProviderError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FixedOptions {
    name: String,
    strategy: Strategy,
    page: Size,
    private_pages: bool,
    owner: Option<Arc<dyn Provider>>,
}

impl FixedOptions {
    /// The system's page size.
    #[must_use]
    pub fn new() -> Self {
        let (strategy, page) = (Strategy::default(), Size::bytes(page_size()));
        Self { name: "fixed".into(), strategy, page, private_pages: false, owner: None }
    }

    /// What the provider is called; `fixed` if nothing else is said.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Which free range a span is cut from.
    #[must_use]
    pub fn strategy(self, strategy: Strategy) -> Self {
        Self { strategy, ..self }
    }

    /// What all spans are multiples of, a power of two.
    #[must_use]
    pub fn page_size(self, size: Size) -> Self {
        Self { page: size, ..self }
    }

    /// Whether the memory is private anonymous pages, so that they can be purged by force.
    /// Of no other memory the system can be told to take it back and leave zeroes.
    #[must_use]
    pub fn private_pages(self, are_private: bool) -> Self {
        Self { private_pages: are_private, ..self }
    }

    /// The provider that the memory is a span of: what that one can do with it (purge it,
    /// share it with other processes, write to it at all), this one can.
    #[must_use]
    pub fn part_of(self, owner: Arc<dyn Provider>) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Cuts up `memory`, of which the parts before the first and behind the last whole
    /// page stay unused.
    ///
    /// # Errors
    ///
    /// [`ProviderError::BadSetting`] for a page size that is none, or larger than the
    /// memory.
    ///
    /// # Safety
    ///
    /// - The memory stays what it is for as long as the provider and its spans are used,
    ///   and nobody else uses it.
    /// - It can be read and written, or it is [part of](Self::part_of) a provider that
    ///   says what it is.
    /// - It consists of [private pages](Self::private_pages) if they were said to be.
    pub unsafe fn over(&self, memory: Span) -> Result<FixedProvider, ProviderError> {
        let page = self.page.get();
        let bad = |why: &str| ProviderError::BadSetting {
            setting: "page_size",
            value: page.to_string(),
            why: why.into(),
        };
        if !page.is_power_of_two() {
            return Err(bad("it is no power of two"));
        }
        let skip = memory.addr().wrapping_neg() & (page - 1);
        let whole = if skip == 0 { Some(memory) } else { memory.cut(skip).map(|(_, rest)| rest) };
        let whole = whole.filter(|rest| rest.len >= page);
        let whole = whole.ok_or_else(|| bad("no whole page fits into the memory"))?;
        let carved = Carved::new(self.name.clone(), page, self.strategy);
        carved.lock().add(whole);
        let purges = self.private_pages && page.is_multiple_of(page_size());
        Ok(FixedProvider { carved, purges, owner: self.owner.clone() })
    }
}

impl Default for FixedOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl FixedProvider {
    /// Cuts up `memory` into pages as the system has them.
    ///
    /// # Errors
    ///
    /// As [`FixedOptions::over`].
    ///
    /// # Safety
    ///
    /// As for [`FixedOptions::over`].
    pub unsafe fn new(memory: Span) -> Result<Self, ProviderError> {
        // SAFETY: passed on from the caller.
        unsafe { FixedOptions::new().over(memory) }
    }

    /// What it has counted.
    #[must_use]
    pub fn stats(&self) -> CoarseStats {
        self.carved.stats()
    }

    fn meter(&self) -> &Meter {
        &self.carved.meter
    }
}

// SAFETY: what is handed out is part of the caller's memory, which stays what it is, and
// no two spans overlap.
unsafe impl Provider for FixedProvider {
    fn name(&self) -> &str {
        &self.carved.name
    }

    fn kind(&self) -> MemoryKind {
        self.owner.as_ref().map_or(MemoryKind::Host, |owner| owner.kind())
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let (len, align) = self.carved.request(size, align)?;
        let span = self.carved.take(len, align);
        span.ok_or_else(|| check::failed(self.name(), "allocate", len, 0))
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        self.carved.free(span)
    }

    fn min_page_size(&self) -> usize {
        self.carved.page
    }

    fn cache_line(&self) -> usize {
        self.owner.as_ref().map_or(64, |owner| owner.cache_line())
    }

    fn touchable(&self) -> bool {
        self.owner.as_ref().is_none_or(|owner| owner.touchable())
    }

    unsafe fn purge_lazy(&self, span: Span) -> Result<(), ProviderError> {
        self.carved.check(span)?;
        match &self.owner {
            // SAFETY: passed on from the caller; the span is part of the owner's.
            Some(owner) => unsafe { owner.purge_lazy(span) },
            None => Err(self.unsupported("purge_lazy")),
        }
    }

    unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
        self.carved.check(span)?;
        match &self.owner {
            // SAFETY: passed on from the caller; the span is part of the owner's.
            Some(owner) => unsafe { owner.purge_force(span) },
            // SAFETY: the span is private pages, as whoever made this has said, and the
            // caller does not need what is in it.
            None if self.purges => match unsafe { map::discard(span.start, span.len) } {
                true => Ok(()),
                false => Err(check::failed(self.name(), "madvise", span.len, errno())),
            },
            None => Err(self.unsupported("purge_force")),
        }
    }

    unsafe fn commit(&self, span: Span) -> Result<(), ProviderError> {
        self.carved.check(span)?;
        match &self.owner {
            // SAFETY: passed on from the caller; the span is part of the owner's.
            Some(owner) => unsafe { owner.commit(span) },
            None => Ok(()),
        }
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        self.carved.split(span, at)
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        self.carved.merge(low, high)
    }

    fn usage(&self) -> Usage {
        self.meter().usage()
    }

    fn reset_peak(&self) {
        self.meter().reset_peak();
    }

    fn share(&self) -> Option<&dyn Share> {
        self.owner.as_ref()?.share()
    }
}
