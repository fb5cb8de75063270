//! Providers for trying pools out.
#![allow(dead_code, reason = "each test needs some of it")]

use core::alloc::Layout;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anymem::pool::{Pool, PoolHandle};
use anymem::provider::{MemoryKind, Meter, Provider, ProviderError, Span, Usage};

pub(crate) const PAGE: usize = 4096;

/// Pages of the system, which the CPU may touch or not.
#[derive(Debug)]
pub(crate) struct Pages {
    name: String,
    touchable: bool,
    /// Whether the device fills and copies, where the CPU does not.
    fills: bool,
    meter: Meter,
    /// How often it was asked for a span, and given one back.
    pub(crate) allocated: AtomicUsize,
    pub(crate) freed: AtomicUsize,
    /// Whether it refuses to give more.
    pub(crate) empty: AtomicBool,
    /// What is handed out, in order to notice what is not.
    spans: Mutex<Vec<Span>>,
}

impl Pages {
    pub(crate) fn new() -> Arc<Self> {
        Self::called("pages", true, false)
    }

    /// Memory that nobody may touch.
    pub(crate) fn untouchable() -> Arc<Self> {
        Self::called("device", false, false)
    }

    /// Memory that the CPU may not touch, and that is filled and copied by a device.
    pub(crate) fn device() -> Arc<Self> {
        Self::called("device", false, true)
    }

    pub(crate) fn called(name: &str, touchable: bool, fills: bool) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            touchable,
            fills,
            meter: Meter::new(),
            allocated: AtomicUsize::new(0),
            freed: AtomicUsize::new(0),
            empty: AtomicBool::new(false),
            spans: Mutex::new(Vec::new()),
        })
    }

    pub(crate) fn calls(&self) -> usize {
        self.allocated.load(Ordering::Relaxed) + self.freed.load(Ordering::Relaxed)
    }

    fn open(&self, span: Span, access: i32) {
        let pages = span.len.next_multiple_of(PAGE) + PAGE;
        let at = span.start.as_ptr().map_addr(|addr| addr & !(PAGE - 1));
        // SAFETY: pages of a span that is handed out.
        let done = unsafe { libc::mprotect(at.cast(), pages.min(span.len + PAGE), access) };
        assert_eq!(done, 0, "mprotect");
    }

    /// Lets the "device" touch memory, with all threads that might touch it looking away.
    fn as_device(&self, span: Span, work: impl FnOnce()) {
        let _alone = self.spans.lock().unwrap();
        self.open(span, libc::PROT_READ | libc::PROT_WRITE);
        work();
    }
}

fn map(len: usize, access: i32) -> Option<NonNull<u8>> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: the kernel chooses the place.
    let at = unsafe { libc::mmap(ptr::null_mut(), len, access, flags, -1, 0) };
    if at == libc::MAP_FAILED { None } else { NonNull::new(at.cast()) }
}

fn unmap(at: NonNull<u8>, len: usize) {
    if len > 0 {
        // SAFETY: pages that were mapped above, and are not used any more.
        assert_eq!(unsafe { libc::munmap(at.as_ptr().cast(), len) }, 0);
    }
}

// SAFETY: spans are fresh mappings, and are unmapped when they are freed.
unsafe impl Provider for Pages {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> MemoryKind {
        if self.touchable { MemoryKind::Host } else { MemoryKind::Device }
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let error =
            ProviderError::NoMemory { provider: self.name.clone(), requested: size, code: 0 };
        if size == 0 || size > isize::MAX as usize / 4 || self.empty.load(Ordering::Relaxed) {
            return Err(error);
        }
        let len = size.next_multiple_of(PAGE);
        let access =
            if self.touchable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
        let all = len + align;
        let start = map(all, access).ok_or(error)?;
        let before = start.addr().get().next_multiple_of(align.max(PAGE)) - start.addr().get();
        let before = before.min(all - len);
        let (base, end) = (start.map_addr(|addr| addr.checked_add(before).unwrap()), before + len);
        unmap(start, before);
        unmap(
            start.map_addr(|addr| addr.checked_add(end).unwrap()),
            (all - end).next_multiple_of(PAGE),
        );
        let span = Span::new(base, len);
        self.meter.add(len);
        self.allocated.fetch_add(1, Ordering::Relaxed);
        self.spans.lock().unwrap().push(span);
        Ok(span)
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        let mut spans = self.spans.lock().unwrap();
        let Some(index) = spans.iter().position(|other| *other == span) else {
            return Err(ProviderError::Foreign { provider: self.name.clone(), span });
        };
        spans.swap_remove(index);
        self.meter.sub(span.len);
        self.freed.fetch_add(1, Ordering::Relaxed);
        unmap(span.start, span.len);
        Ok(())
    }

    fn min_page_size(&self) -> usize {
        PAGE
    }

    fn cache_line(&self) -> usize {
        if self.touchable { 64 } else { 128 }
    }

    fn touchable(&self) -> bool {
        self.touchable
    }

    fn zeroed(&self) -> bool {
        true
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        let bad_cut = ProviderError::BadCut { len: span.len, at, page: PAGE };
        let (low, high) = span.cut(at).filter(|_| at.is_multiple_of(PAGE)).ok_or(bad_cut)?;
        let mut spans = self.spans.lock().unwrap();
        spans.retain(|other| *other != span);
        spans.extend([low, high]);
        Ok((low, high))
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        if low.end() != high.addr() {
            return Err(ProviderError::Apart { low, high });
        }
        let mut spans = self.spans.lock().unwrap();
        spans.retain(|other| *other != low && *other != high);
        let whole = Span::new(low.start, low.len + high.len);
        spans.push(whole);
        Ok(whole)
    }

    unsafe fn fill(&self, to: NonNull<u8>, byte: u8, len: usize) -> Result<(), ProviderError> {
        match (self.touchable, self.fills) {
            // SAFETY: the caller's bytes.
            (true, _) => unsafe { to.write_bytes(byte, len) },
            (false, true) => self.as_device(Span::new(to, len), || {
                // SAFETY: the caller's bytes, made accessible.
                unsafe { to.write_bytes(byte, len) };
            }),
            (false, false) => return Err(self.unsupported("fill")),
        }
        Ok(())
    }

    unsafe fn copy(
        &self,
        from: NonNull<u8>,
        to: NonNull<u8>,
        len: usize,
    ) -> Result<(), ProviderError> {
        match (self.touchable, self.fills) {
            // SAFETY: the caller's bytes.
            (true, _) => unsafe { to.copy_from(from, len) },
            (false, true) => {
                self.as_device(Span::new(from, len), || {});
                self.as_device(Span::new(to, len), || {
                    // SAFETY: the caller's bytes, made accessible.
                    unsafe { to.copy_from(from, len) };
                });
            }
            (false, false) => return Err(self.unsupported("copy")),
        }
        Ok(())
    }

    fn usage(&self) -> Usage {
        self.meter.usage()
    }

    fn reset_peak(&self) {
        self.meter.reset_peak();
    }
}

/// Spans that are blocks of a pool.
#[derive(Debug)]
pub(crate) struct Blocks {
    pub(crate) pool: PoolHandle,
    meter: Meter,
}

impl Blocks {
    pub(crate) fn of(pool: PoolHandle) -> Arc<Self> {
        Arc::new(Self { pool, meter: Meter::new() })
    }
}

// SAFETY: spans are blocks of a pool of their own.
unsafe impl Provider for Blocks {
    fn name(&self) -> &str {
        "blocks"
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let no_memory =
            ProviderError::NoMemory { provider: "blocks".into(), requested: size, code: 0 };
        let len = size.next_multiple_of(PAGE);
        let layout = Layout::from_size_align(len, align.max(PAGE)).unwrap();
        let block = self.pool.allocate(layout).map_err(|_| no_memory)?;
        self.meter.add(len);
        Ok(Span::new(block, len))
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        self.meter.sub(span.len);
        let foreign = |_| ProviderError::Foreign { provider: "blocks".into(), span };
        // SAFETY: a block of the pool, as the caller agreed to.
        unsafe { self.pool.free(span.start) }.map_err(foreign)
    }

    fn min_page_size(&self) -> usize {
        PAGE
    }

    fn usage(&self) -> Usage {
        self.meter.usage()
    }

    fn reset_peak(&self) {
        self.meter.reset_peak();
    }
}
