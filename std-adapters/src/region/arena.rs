//! Memory whose blocks are pages of a file, so that they can be mapped a second time.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anymem_core::memory::{HostAddress, HostAddressable, Memory, MemoryError, MemoryId};

use crate::provider::{
    CoarseOptions, FileRange, OsOptions, Provider, ProviderError, Span, Visibility,
};
use crate::size::Size;

/// Memory whose blocks are pages of one memory file.
///
/// What regions have their pages in that are to be seen in another order, or beside those of
/// others, without a copy: [`MappedView`](super::MappedView). Blocks are multiples of the
/// system's pages. It is the arena that is copied by `clone`, not what is in it.
///
/// Space is taken from the system when a block is handed out, so that too little of it is an
/// error and never a signal. Freed blocks are kept for the next who asks.
///
/// ```
/// use std::alloc::Layout;
///
/// use anymem::memory::Memory;
/// use anymem::region::ArenaMemory;
/// let arena = ArenaMemory::new()?;
/// let layout = Layout::new::<[u8; 4096]>();
/// let block = arena.allocate(layout)?;
/// let range = arena.file_of(block, 4096).expect("a block of the arena");
/// assert_eq!((range.len, range.offset % 4096), (4096, 0));
/// // SAFETY: allocated above, and not used afterwards.
/// unsafe { arena.free(block, layout) };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ArenaMemory {
    spans: Arc<dyn Provider>,
    instance: u64,
}

/// How much is asked of the system at a time, unless told.
const REGION: Size = Size::mib(64);

impl ArenaMemory {
    /// An arena that asks the system for 64 MiB at a time.
    ///
    /// # Errors
    ///
    /// What the system refuses.
    pub fn new() -> Result<Self, ProviderError> {
        Self::in_steps_of(REGION)
    }

    /// An arena that asks the system for `step` bytes at a time, at least.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn in_steps_of(step: Size) -> Result<Self, ProviderError> {
        let pages = OsOptions::new().name("arena").visibility(Visibility::Shared).build()?;
        Self::over(Arc::new(CoarseOptions::new().name("arena").region(step).over(Arc::new(pages))?))
    }

    /// An arena of another provider's pages: huge ones, ones on a node, a file's.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`] if the processor cannot use its memory or nobody can
    /// map it a second time.
    pub fn over(spans: Arc<dyn Provider>) -> Result<Self, ProviderError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if !spans.touchable() || spans.share().is_none() {
            return Err(spans.unsupported("second mapping"));
        }
        // Relaxed: a number of its own is all that is needed.
        Ok(Self { spans, instance: NEXT.fetch_add(1, Ordering::Relaxed) })
    }

    /// The file that `len` bytes of a block are in, and where; `None` if they are not in a
    /// block of this arena.
    #[must_use]
    pub fn file_of(&self, address: HostAddress, len: usize) -> Option<FileRange<'_>> {
        let start = NonNull::new(address.as_ptr())?;
        self.spans.share()?.file_of(Span::new(start, len)).ok()
    }

    /// The span that a block of that layout has.
    fn request(&self, layout: Layout) -> Option<usize> {
        layout.size().max(1).checked_next_multiple_of(self.spans.min_page_size())
    }
}

fn refused(error: &ProviderError, requested: usize) -> MemoryError {
    match error {
        ProviderError::System { code, .. } => MemoryError::Backend { code: *code },
        _ => MemoryError::OutOfMemory { requested },
    }
}

// SAFETY: blocks are spans of the provider, which are nobody else's until they are freed; the
// copies are those that go by `host`.
unsafe impl Memory for ArenaMemory {
    type Address = HostAddress;

    fn id(&self) -> MemoryId {
        MemoryId { kind: "arena", instance: self.instance }
    }

    fn allocate(&self, layout: Layout) -> Result<HostAddress, MemoryError> {
        let requested = layout.size();
        let len = self.request(layout).ok_or(MemoryError::OutOfMemory { requested })?;
        let span = self.spans.allocate(len, layout.align());
        span.map(|it| HostAddress::new(it.start.as_ptr())).map_err(|it| refused(&it, requested))
    }

    unsafe fn free(&self, address: HostAddress, layout: Layout) {
        let (start, len) = (NonNull::new(address.as_ptr()), self.request(layout));
        if let Some((start, len)) = start.zip(len) {
            // SAFETY: the caller's block, whose span had this length.
            let freed = unsafe { self.spans.free(Span::new(start, len)) };
            debug_assert!(freed.is_ok(), "{freed:?}");
        }
    }

    fn host(&self, address: HostAddress) -> Option<NonNull<u8>> {
        NonNull::new(address.as_ptr())
    }
}

// SAFETY: the provider's spans are touchable, which `over` has looked at.
unsafe impl HostAddressable for ArenaMemory {}
