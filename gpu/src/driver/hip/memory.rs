//! Blocks of the device's memory, and of the processor's.

use std::ffi::c_uint;
use std::ptr::NonNull;

use super::super::StreamId;
use super::errors::{INVALID_DEVICE_POINTER, INVALID_VALUE, NOT_FOUND};
use super::table::Word;
use super::{Current, nothing, some};
use crate::GpuError;

/// `hipMemAttachGlobal`: all devices may use a managed block.
const ATTACH_GLOBAL: c_uint = 1;
/// `hipHostMallocPortable | hipHostMallocMapped`, and the same of `hipHostRegister`.
const PORTABLE_MAPPED: c_uint = 3;

impl Current<'_> {
    pub(super) fn free_and_total(&self) -> Result<(usize, usize), GpuError> {
        let (mut free, mut total) = (0, 0);
        self.said(self.hip.table.memory_info(&mut free, &mut total))?;
        Ok((free, total))
    }

    pub(super) fn allocate(&self, bytes: usize) -> Result<u64, GpuError> {
        let mut block = 0;
        self.allocated(bytes, self.hip.table.malloc(&mut block, bytes))?;
        some("hipMalloc", block)
    }

    pub(super) fn allocate_on(&self, stream: StreamId, bytes: usize) -> Result<u64, GpuError> {
        let mut block = 0;
        let made = self.hip.table.malloc_async(&mut block, bytes, stream.0 as Word);
        self.allocated(bytes, made)?;
        some("hipMallocAsync", block)
    }

    pub(super) fn allocate_managed(&self, bytes: usize) -> Result<u64, GpuError> {
        let mut block = 0;
        self.allocated(bytes, self.hip.table.malloc_managed(&mut block, bytes, ATTACH_GLOBAL))?;
        some("hipMallocManaged", block)
    }

    pub(super) fn allocate_pinned(&self, bytes: usize) -> Result<NonNull<u8>, GpuError> {
        let mut block = std::ptr::null_mut();
        self.allocated(bytes, self.hip.table.malloc_host(&mut block, bytes, PORTABLE_MAPPED))?;
        NonNull::new(block).ok_or_else(|| nothing("hipHostMalloc"))
    }

    /// HIP ignores its flag for memory that is only read, and means something else by the bit.
    ///
    /// # Safety
    ///
    /// As [`Driver::register`](super::super::Driver::register).
    pub(super) unsafe fn register(
        &self,
        address: NonNull<u8>,
        bytes: usize,
        read_only: bool,
    ) -> Result<u64, GpuError> {
        if read_only {
            let what = "registration of read-only pages by HIP: have them writable";
            return Err(GpuError::Unsupported { device: self.device, what });
        }
        let host = address.as_ptr();
        // SAFETY: the caller's.
        self.said(unsafe { self.hip.table.register(host, bytes, PORTABLE_MAPPED) })?;
        self.registered_address(address).inspect_err(|_| {
            // SAFETY: just registered, and nobody knows. What failed first is what is said.
            let _ = unsafe { self.hip.table.unregister(host) };
        })
    }

    pub(super) fn registered_address(&self, address: NonNull<u8>) -> Result<u64, GpuError> {
        let mut word = 0;
        // SAFETY: an address that is not registered is refused.
        let found = unsafe { self.hip.table.device_pointer(&mut word, address.as_ptr(), 0) };
        self.said(found).and_then(|()| some("hipHostGetDevicePointer", word))
    }

    /// The block that an address is in.
    pub(super) fn base_of(&self, address: u64) -> Result<(u64, usize), GpuError> {
        let (mut base, mut bytes) = (0, 0);
        match self.hip.table.base_of(&mut base, &mut bytes, address as Word) {
            Err(refusal) if is_unknown(refusal.code()) => {
                Err(GpuError::WrongAddress { device: self.device, address })
            }
            answer => self.said(answer).map(|()| (base as u64, bytes)),
        }
    }
}

/// Whether that is what HIP says to an address that is in no block.
fn is_unknown(code: Option<i32>) -> bool {
    matches!(code, Some(INVALID_VALUE | INVALID_DEVICE_POINTER | NOT_FOUND))
}
