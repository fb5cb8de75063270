//! Blocks of memory.

use std::collections::HashMap;
use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use super::super::page_size;
use super::super::table::Refusal;
use super::errors::{INVALID_ARGUMENT, error, is_want};
use super::structures::{DeviceDesc, HostDesc, MappedPages, Relaxed};
use super::table::Word;
use super::{At, nothing, some};
use crate::GpuError;

/// What blocks are aligned to, as CUDA's and HIP's are.
const ALIGNMENT: usize = 256;

impl At<'_> {
    pub(super) fn allocate(self, bytes: usize) -> Result<u64, GpuError> {
        let mut block = 0;
        let made = self.with_desc(bytes, |desc| {
            // SAFETY: the context and the device are the card's.
            unsafe {
                let (context, device) = (self.card.context, self.card.device);
                self.table.allocate(context, desc, bytes, ALIGNMENT, device, &mut block)
            }
        });
        self.allocated(bytes, made)?;
        some("zeMemAllocDevice", block).map(|block| self.held(block))
    }

    /// A block that moves between the processor and the device.
    pub(super) fn allocate_managed(self, bytes: usize) -> Result<u64, GpuError> {
        let mut block = 0;
        let made = self.with_desc(bytes, |desc| {
            // SAFETY: the context and the device are the card's.
            unsafe {
                let (context, device) = (self.card.context, self.card.device);
                let host = &HostDesc::NEW;
                self.table
                    .allocate_shared(context, desc, host, bytes, ALIGNMENT, device, &mut block)
            }
        });
        self.allocated(bytes, made)?;
        some("zeMemAllocShared", block).map(|block| self.held(block))
    }

    pub(super) fn allocate_pinned(self, bytes: usize) -> Result<NonNull<u8>, GpuError> {
        self.allocated(bytes, self.allocate_host(&HostDesc::NEW, bytes, ALIGNMENT))
            .and_then(|block| NonNull::new(block).ok_or_else(|| nothing("zeMemAllocHost")))
    }

    fn allocate_host(
        self,
        desc: &HostDesc,
        bytes: usize,
        alignment: usize,
    ) -> Result<*mut u8, Refusal> {
        let mut block = ptr::null_mut();
        // SAFETY: the context is the card's.
        unsafe { self.table.allocate_host(self.card.context, desc, bytes, alignment, &mut block) }?;
        Ok(block)
    }

    /// Gives a block of any kind back, once the device is done with what it was asked for.
    ///
    /// # Safety
    ///
    /// As [`Driver::free`](super::super::Driver::free).
    pub(super) unsafe fn free(self, block: Word) -> Result<(), GpuError> {
        self.synchronize_device()?;
        // SAFETY: the caller's.
        self.given_back(unsafe { self.table.free(self.card.context, block) })
    }

    /// The same, of a block of [`allocate`](Self::allocate) or of managed memory.
    ///
    /// # Safety
    ///
    /// As [`Driver::free`](super::super::Driver::free).
    pub(super) unsafe fn free_device(self, block: Word) -> Result<(), GpuError> {
        let bytes = self.length_of(block as u64);
        // SAFETY: the caller's.
        unsafe { self.free(block) }?;
        let less = |held: usize| Some(held.saturating_sub(bytes));
        // It always changes it.
        let _ = self.card.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        Ok(())
    }

    /// A block of [`allocate`](Self::allocate) or of managed memory, which counts from now on
    /// as what it is when it is given back.
    fn held(self, block: u64) -> u64 {
        self.card.held.fetch_add(self.length_of(block), Ordering::Relaxed);
        block
    }

    fn length_of(self, block: u64) -> usize {
        self.base_of(block).map_or(0, |(_, bytes)| bytes)
    }

    /// Bytes that are left of all. Level Zero's core tells nothing of what others took.
    pub(super) fn free_and_total(self) -> (usize, usize) {
        let (held, total) = (self.card.held.load(Ordering::Relaxed), self.card.total);
        (total.saturating_sub(held), total)
    }

    /// Lets the device use pages of the processor's: all that the bytes are in.
    ///
    /// # Safety
    ///
    /// As [`Driver::register`](super::super::Driver::register).
    pub(super) unsafe fn register(self, host: NonNull<u8>, bytes: usize) -> Result<u64, GpuError> {
        if !self.card.register {
            let what = "ZE_extension_external_memmap_sysmem";
            return Err(GpuError::Unsupported { device: self.number, what });
        }
        let page = page_size();
        let before = host.addr().get() % page;
        let whole =
            before.checked_add(bytes).and_then(|bytes| bytes.checked_next_multiple_of(page));
        let function = "zeMemAllocHost";
        let whole = whole.ok_or(GpuError::Driver { function, code: INVALID_ARGUMENT })?;
        let first = host.as_ptr().wrapping_sub(before);
        let pages = MappedPages { address: first, bytes: whole as u64, ..MappedPages::NEW };
        let desc = HostDesc { next: (&raw const pages).cast(), ..HostDesc::NEW };
        let made = self.allocated(whole, self.allocate_host(&desc, whole, page))?;
        let device = some(function, made.addr())?;
        self.registered().insert(host.addr().get(), made.addr());
        Ok(device + before as u64)
    }

    /// Ends that.
    ///
    /// # Safety
    ///
    /// As [`Driver::unregister`](super::super::Driver::unregister).
    pub(super) unsafe fn unregister(self, host: NonNull<u8>) -> Result<(), GpuError> {
        let address = host.addr().get();
        let wrong = GpuError::WrongAddress { device: self.number, address: address as u64 };
        let block = self.registered().remove(&address).ok_or(wrong)?;
        // SAFETY: the caller's; the pages stay, for they are not the driver's.
        unsafe { self.free(block) }
    }

    fn registered(&self) -> MutexGuard<'_, HashMap<Word, Word>> {
        self.card.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn base_of(self, address: u64) -> Result<(u64, usize), GpuError> {
        let (mut base, mut bytes) = (0, 0);
        // SAFETY: the context is the card's; an address that is none is refused.
        let found = unsafe {
            self.table.base_of(self.card.context, address as Word, &mut base, &mut bytes)
        };
        let wrong = GpuError::WrongAddress { device: self.number, address };
        match self.said(found) {
            Err(GpuError::Driver { .. }) => Err(wrong),
            Ok(()) if base == 0 => Err(wrong),
            answer => answer.map(|()| (base as u64, bytes)),
        }
    }

    /// What a function that allocates answers.
    pub(super) fn allocated<T>(
        self,
        asked: usize,
        answer: Result<T, Refusal>,
    ) -> Result<T, GpuError> {
        answer.map_err(|refusal| {
            let (free, total) = self.free_and_total();
            let want = GpuError::OutOfMemory { asked, free, total, held: 0 };
            if is_want(refusal) { want } else { error(refusal, self.number) }
        })
    }

    /// Calls with what a block is described by, which is more if it is large.
    fn with_desc(
        self,
        bytes: usize,
        allocate: impl FnOnce(&DeviceDesc) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let relaxed = Relaxed::NEW;
        let large = bytes > self.card.largest;
        let next = if large { (&raw const relaxed).cast() } else { ptr::null() };
        allocate(&DeviceDesc { next, ..DeviceDesc::NEW })
    }
}
