//! The C library's heap.

use core::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::live::Live;
use super::{Meter, Provider, ProviderError, Span, Usage, check};

/// What all spans are multiples of: as aligned as anything that `malloc` gives.
const GRAIN: usize = align_of::<libc::max_align_t>();

/// Spans of the C library's heap, for where pages are too much.
///
/// ```
/// use anymem::provider::{MallocProvider, Provider};
/// let malloc = MallocProvider::new();
/// let span = malloc.allocate(100, 64)?;
/// assert_eq!((span.len, span.addr() % 64), (112, 0));
/// // SAFETY: the span is not used afterwards.
/// unsafe { malloc.free(span) }?;
/// # Ok::<(), anymem::provider::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct MallocProvider {
    name: String,
    live: Mutex<Live>,
    meter: Meter,
}

impl MallocProvider {
    /// Called `malloc`.
    #[must_use]
    pub fn new() -> Self {
        Self::named("malloc")
    }

    /// Called as its maker says.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), live: Mutex::default(), meter: Meter::new() }
    }

    fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MallocProvider {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: spans are blocks of the C library, which nobody else has until they are freed.
unsafe impl Provider for MallocProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let (len, align) = check::request(&self.name, size, align, GRAIN)?;
        let mut block = core::ptr::null_mut();
        // SAFETY: the pointer is writable; the alignment is a power of two and a multiple
        // of a pointer's.
        let code = unsafe { libc::posix_memalign(&raw mut block, align, len) };
        let start = NonNull::new(block.cast::<u8>()).filter(|_| code == 0);
        let start =
            start.ok_or_else(|| check::failed(&self.name, "posix_memalign", len, libc::ENOMEM))?;
        let span = Span::new(start, len);
        self.live().insert(span, span.addr());
        self.meter.add(len);
        Ok(span)
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        self.live().remove(span).ok_or_else(|| check::foreign(&self.name, span))?;
        self.meter.sub(span.len);
        // SAFETY: the block was handed out (just seen), and the caller does not use it any
        // more.
        unsafe { libc::free(span.start.as_ptr().cast()) };
        Ok(())
    }

    fn min_page_size(&self) -> usize {
        GRAIN
    }

    fn usage(&self) -> Usage {
        self.meter.usage()
    }

    fn reset_peak(&self) {
        self.meter.reset_peak();
    }
}
