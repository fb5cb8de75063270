//! A provider for tests: private pages, a limit, and a complaint about whatever is wrong.

#![allow(dead_code, reason = "no test needs all of it")]

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{Arc, Mutex};

use anymem::provider::{Meter, Provider, ProviderError, Span, Usage};

const PAGE: usize = 4096;

/// Gives private pages, up to a limit, and panics at a span that it did not hand out so.
#[derive(Debug)]
pub(crate) struct Pages {
    limit: usize,
    touchable: bool,
    splits: bool,
    meter: Meter,
    live: Mutex<BTreeMap<usize, usize>>,
    /// Where mappings start, so that what was never one span is not merged.
    seams: Mutex<BTreeMap<usize, usize>>,
}

impl Pages {
    /// As many as the system has.
    pub(crate) fn new() -> Arc<Self> {
        Self::up_to(usize::MAX)
    }

    /// No more than `limit` bytes at a time.
    pub(crate) fn up_to(limit: usize) -> Arc<Self> {
        Arc::new(Self::made(limit))
    }

    /// Pages that the CPU must not touch, and cannot.
    pub(crate) fn untouchable() -> Arc<Self> {
        Arc::new(Self { touchable: false, ..Self::made(usize::MAX) })
    }

    /// Spans that cannot be cut.
    pub(crate) fn whole() -> Arc<Self> {
        Arc::new(Self { splits: false, ..Self::made(usize::MAX) })
    }

    fn made(limit: usize) -> Self {
        let (live, seams) = (Mutex::default(), Mutex::default());
        Self { limit, touchable: true, splits: true, meter: Meter::new(), live, seams }
    }

    fn no_memory(&self, requested: usize) -> ProviderError {
        ProviderError::NoMemory { provider: "pages".to_owned(), requested, code: 0 }
    }
}

// SAFETY: spans are mappings of their own, or parts of such, until they are freed.
unsafe impl Provider for Pages {
    fn name(&self) -> &str {
        "pages"
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        assert!(align.is_power_of_two());
        let len = size.checked_next_multiple_of(PAGE).filter(|len| *len < isize::MAX as usize);
        let (Some(len), true) = (len, size > 0) else {
            return Err(ProviderError::BadSize { requested: size });
        };
        let align = align.max(PAGE);
        let room = self.usage().current.checked_add(len).filter(|all| *all <= self.limit);
        let all = room.and_then(|_| len.checked_add(align)).ok_or_else(|| self.no_memory(size))?;
        let protection = if self.touchable { libc::PROT_READ | libc::PROT_WRITE } else { 0 };
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping; the ends that are not handed out are unmapped.
        let start = unsafe {
            let map = libc::mmap(std::ptr::null_mut(), all, protection, flags, -1, 0);
            if map == libc::MAP_FAILED {
                return Err(self.no_memory(size));
            }
            let skip = map.cast::<u8>().align_offset(align);
            let start = map.cast::<u8>().add(skip);
            if skip > 0 {
                libc::munmap(map, skip);
            }
            if all > skip + len {
                libc::munmap(start.add(len).cast(), all - skip - len);
            }
            NonNull::new(start).expect("an address")
        };
        self.live.lock().expect("a lock").insert(start.addr().get(), len);
        self.seams.lock().expect("a lock").insert(start.addr().get(), len);
        self.meter.add(len);
        Ok(Span::new(start, len))
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        let had = self.live.lock().expect("a lock").remove(&span.addr());
        assert_eq!(had, Some(span.len), "a span that was handed out so");
        self.seams.lock().expect("a lock").remove(&span.addr());
        // SAFETY: the pages are the span's.
        assert_eq!(unsafe { libc::munmap(span.start.as_ptr().cast(), span.len) }, 0);
        self.meter.sub(span.len);
        Ok(())
    }

    fn min_page_size(&self) -> usize {
        PAGE
    }

    fn zeroed(&self) -> bool {
        true
    }

    fn touchable(&self) -> bool {
        self.touchable
    }

    unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: the caller's pages.
        let done =
            unsafe { libc::madvise(span.start.as_ptr().cast(), span.len, libc::MADV_DONTNEED) };
        assert_eq!(done, 0);
        Ok(())
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        if !self.splits {
            return Err(self.unsupported("split"));
        }
        let mut live = self.live.lock().expect("a lock");
        assert_eq!(live.get(&span.addr()), Some(&span.len), "a span that was handed out so");
        let cut = span.cut(at).filter(|_| at.is_multiple_of(PAGE));
        let (low, high) = cut.ok_or(ProviderError::BadCut { len: span.len, at, page: PAGE })?;
        live.insert(low.addr(), low.len);
        live.insert(high.addr(), high.len);
        Ok((low, high))
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        let mut live = self.live.lock().expect("a lock");
        for span in [low, high] {
            assert_eq!(live.get(&span.addr()), Some(&span.len), "a span that was handed out so");
        }
        if low.end() != high.addr() || self.seams.lock().expect("a lock").contains_key(&low.end()) {
            return Err(ProviderError::Apart { low, high });
        }
        live.remove(&high.addr());
        live.insert(low.addr(), low.len + high.len);
        Ok(Span::new(low.start, low.len + high.len))
    }

    fn usage(&self) -> Usage {
        self.meter.usage()
    }

    fn reset_peak(&self) {
        self.meter.reset_peak();
    }
}
