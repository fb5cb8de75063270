//! Blocks of the device's memory, of the processor's, and bytes between them.

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};

use super::context::Current;
use super::errors::{INVALID_VALUE, NOT_FOUND, on_device};
use crate::GpuError;
use crate::driver::{Direction, StreamId};

/// Pinned and registered memory: for all contexts, and at addresses of the device too.
const PORTABLE: u32 = 1;
const MAPPED: u32 = 2;
const READ_ONLY: u32 = 8;
/// Managed memory that all streams may use.
const ATTACH_GLOBAL: u32 = 1;

impl Current<'_> {
    pub(super) fn allocate(&self, bytes: usize) -> Result<u64, GpuError> {
        let mut address = 0;
        self.ask_for(bytes, |api| api.allocate(&mut address, bytes))?;
        Ok(address)
    }

    pub(super) fn allocate_managed(&self, bytes: usize) -> Result<u64, GpuError> {
        let mut address = 0;
        self.ask_for(bytes, |api| api.allocate_managed(&mut address, bytes, ATTACH_GLOBAL))?;
        Ok(address)
    }

    /// # Safety
    ///
    /// As [`Driver::free`](crate::driver::Driver::free).
    pub(super) unsafe fn free(&self, address: u64) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.free(address) })
    }

    /// The block that an address is in.
    pub(super) fn base_of(&self, address: u64) -> Result<(u64, usize), GpuError> {
        let (mut base, mut bytes) = (0, 0);
        match self.cuda.api.address_range(&mut base, &mut bytes, address) {
            Ok(()) => Ok((base, bytes)),
            Err(refusal) if matches!(refusal.code(), Some(INVALID_VALUE | NOT_FOUND)) => {
                Err(GpuError::WrongAddress { device: self.number, address })
            }
            Err(refusal) => Err(on_device(self.number, refusal)),
        }
    }

    pub(super) fn allocate_pinned(&self, bytes: usize) -> Result<NonNull<u8>, GpuError> {
        let mut address = null_mut();
        self.ask_for(bytes, |api| api.host_allocate(&mut address, bytes, PORTABLE | MAPPED))?;
        let nothing = GpuError::Driver { function: "cuMemHostAlloc", code: 0 };
        NonNull::new(address.cast()).ok_or(nothing)
    }

    /// # Safety
    ///
    /// As [`Driver::free_pinned`](crate::driver::Driver::free_pinned).
    pub(super) unsafe fn free_pinned(&self, address: NonNull<u8>) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.host_free(address.as_ptr().cast()) })
    }

    /// # Safety
    ///
    /// As [`Driver::register`](crate::driver::Driver::register).
    pub(super) unsafe fn register(
        &self,
        address: NonNull<u8>,
        bytes: usize,
        read_only: bool,
    ) -> Result<u64, GpuError> {
        if read_only && !self.can_register_read_only() {
            let what = "registration of read-only pages";
            return Err(GpuError::Unsupported { device: self.number, what });
        }
        let flags = PORTABLE | MAPPED | if read_only { READ_ONLY } else { 0 };
        let host = address.as_ptr().cast();
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.host_register(host, bytes, flags) })?;
        self.registered_address(address).inspect_err(|_| {
            // SAFETY: it was just registered, and nobody has been told.
            let _ = unsafe { self.unregister(address) };
        })
    }

    /// The device's address of memory that is registered for all of them.
    pub(super) fn registered_address(&self, address: NonNull<u8>) -> Result<u64, GpuError> {
        let (host, mut device) = (address.as_ptr().cast(), 0);
        // SAFETY: the driver looks the address up, and refuses what is not registered.
        self.ask(|api| unsafe { api.host_device_address(&mut device, host, 0) })?;
        Ok(device)
    }

    /// # Safety
    ///
    /// As [`Driver::unregister`](crate::driver::Driver::unregister).
    pub(super) unsafe fn unregister(&self, address: NonNull<u8>) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.host_unregister(address.as_ptr().cast()) })
    }

    /// # Safety
    ///
    /// As [`Driver::copy`](crate::driver::Driver::copy).
    pub(super) unsafe fn copy(
        &self,
        stream: Option<StreamId>,
        to: u64,
        from: u64,
        bytes: usize,
        direction: Direction,
    ) -> Result<(), GpuError> {
        let at = stream.unwrap_or_default().0;
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe {
            match direction {
                Direction::ToDevice => api.copy_to_device(to, from as *const c_void, bytes, at),
                Direction::ToHost => api.copy_to_host(to as *mut c_void, from, bytes, at),
                Direction::Within => api.copy_within(to, from, bytes, at),
            }
        })?;
        self.finish(stream)
    }

    /// # Safety
    ///
    /// As [`Driver::copy_peer`](crate::driver::Driver::copy_peer).
    pub(super) unsafe fn copy_peer(
        &self,
        stream: Option<StreamId>,
        to: u64,
        from_device: u32,
        from: u64,
        bytes: usize,
    ) -> Result<(), GpuError> {
        let from_context = self.cuda.context(from_device)?;
        let at = stream.unwrap_or_default().0;
        // SAFETY: passed on from the caller; both contexts are retained.
        self.ask(|api| unsafe { api.copy_peer(to, self.context, from, from_context, bytes, at) })?;
        self.finish(stream)
    }

    /// # Safety
    ///
    /// As [`Driver::fill`](crate::driver::Driver::fill).
    pub(super) unsafe fn fill(
        &self,
        stream: Option<StreamId>,
        at: u64,
        byte: u8,
        bytes: usize,
    ) -> Result<(), GpuError> {
        let on = stream.unwrap_or_default().0;
        // SAFETY: passed on from the caller.
        self.ask(|api| unsafe { api.fill(at, byte, bytes, on) })?;
        self.finish(stream)
    }

    /// Without a stream, what was asked for is to be done on return. The functions that look
    /// synchronous do not promise that: fills and copies within the device go on, and so does
    /// the last part of copies from pageable memory. So the default stream is waited for.
    fn finish(&self, stream: Option<StreamId>) -> Result<(), GpuError> {
        if stream.is_some() { Ok(()) } else { self.synchronize_stream(StreamId::default()) }
    }
}
