//! Level Zero as a driver.

use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;

use super::super::{
    About, Attributes, Direction, Driver, DriverKind, EventId, FunctionId, IpcBytes, Launch,
    ModuleId, PhysicalId, StreamId,
};
use super::LevelZeroDriver;
use super::table::Word;
use crate::GpuError;

/// What Level Zero cannot do.
const STREAM_ORDER: &str =
    "allocation in the order of a stream by Level Zero: have a `DevicePool` do that";

// SAFETY: lists and kernels are used under a lock, all else may be called by any thread, and what
// Level Zero hands out is the caller's until it is given back. All results are looked at before
// anything is handed on.
unsafe impl Driver for LevelZeroDriver {
    fn kind(&self) -> DriverKind {
        DriverKind::LevelZero
    }

    fn version(&self) -> Result<u32, GpuError> {
        self.process.check().map(|()| self.version)
    }

    fn devices(&self) -> Result<u32, GpuError> {
        self.process.check().map(|()| self.count())
    }

    fn attributes(&self, device: u32) -> Result<Attributes, GpuError> {
        self.at(device)?.attributes()
    }

    /// Free is what this process has not taken: the driver does not tell of others.
    fn free_and_total(&self, device: u32) -> Result<(usize, usize), GpuError> {
        Ok(self.at(device)?.free_and_total())
    }

    fn allocate(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.at(device)?.allocate(bytes)
    }

    unsafe fn free(&self, device: u32, address: u64) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.free_device(address as Word) }
    }

    fn allocate_on(&self, device: u32, _: StreamId, _: usize) -> Result<u64, GpuError> {
        self.at(device)?;
        Err(GpuError::Unsupported { device, what: STREAM_ORDER })
    }

    unsafe fn free_on(&self, device: u32, _: StreamId, _: u64) -> Result<(), GpuError> {
        self.at(device)?;
        Err(GpuError::Unsupported { device, what: STREAM_ORDER })
    }

    fn allocate_managed(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.at(device)?.allocate_managed(bytes)
    }

    fn allocate_pinned(&self, device: u32, bytes: usize) -> Result<NonNull<u8>, GpuError> {
        self.at(device)?.allocate_pinned(bytes)
    }

    unsafe fn free_pinned(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.free(address.addr().get()) }
    }

    /// The flag for memory that is only read is newer than the extension.
    unsafe fn register(
        &self,
        device: u32,
        address: NonNull<u8>,
        bytes: usize,
        read_only: bool,
    ) -> Result<u64, GpuError> {
        if read_only {
            let what = "registration of read-only pages by Level Zero: have them writable";
            return Err(GpuError::Unsupported { device, what });
        }
        // SAFETY: the caller's.
        unsafe { self.at(device)?.register(address, bytes) }
    }

    unsafe fn unregister(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.unregister(address) }
    }

    unsafe fn copy(
        &self,
        device: u32,
        stream: Option<StreamId>,
        to: u64,
        from: u64,
        bytes: usize,
        _: Direction,
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.copy(stream, to as Word, from as Word, bytes) }
    }

    /// Devices of one driver share a context, and reach each other's blocks if they can at all.
    unsafe fn copy_peer(
        &self,
        device: u32,
        stream: Option<StreamId>,
        to: u64,
        from_device: u32,
        from: u64,
        bytes: usize,
    ) -> Result<(), GpuError> {
        let (at, peer) = (self.at(device)?, self.at(from_device)?);
        if at.card.context != peer.card.context {
            return Err(GpuError::Unsupported { device, what: "copies from another driver's" });
        }
        // SAFETY: the caller's.
        unsafe { at.copy(stream, to as Word, from as Word, bytes) }
    }

    unsafe fn fill(
        &self,
        device: u32,
        stream: Option<StreamId>,
        at: u64,
        byte: u8,
        bytes: usize,
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.fill(stream, at as Word, byte, bytes) }
    }

    fn create_stream(&self, device: u32) -> Result<StreamId, GpuError> {
        self.at(device)?.create_stream()
    }

    unsafe fn destroy_stream(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.destroy_stream(stream) }
    }

    fn synchronize(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        self.at(device)?.synchronize(stream)
    }

    fn synchronize_device(&self, device: u32) -> Result<(), GpuError> {
        self.at(device)?.synchronize_device()
    }

    fn create_event(&self, device: u32) -> Result<EventId, GpuError> {
        Ok(self.at(device)?.create_event())
    }

    unsafe fn destroy_event(&self, device: u32, event: EventId) -> Result<(), GpuError> {
        self.at(device)?.destroy_event(event)
    }

    fn record(&self, device: u32, event: EventId, stream: StreamId) -> Result<(), GpuError> {
        self.at(device)?.record(event, stream)
    }

    fn wait(&self, device: u32, stream: StreamId, event: EventId) -> Result<(), GpuError> {
        self.at(device)?.wait(stream, event)
    }

    fn has_happened(&self, device: u32, event: EventId) -> Result<bool, GpuError> {
        self.at(device)?.has_happened(event)
    }

    fn reserve(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.at(device)?.reserve(bytes)
    }

    unsafe fn release(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.release(address as Word, bytes) }
    }

    fn create_physical(&self, device: u32, bytes: usize) -> Result<PhysicalId, GpuError> {
        self.at(device)?.create_physical(bytes)
    }

    unsafe fn destroy_physical(&self, device: u32, pages: PhysicalId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.destroy_physical(pages.0 as Word) }
    }

    unsafe fn map(
        &self,
        device: u32,
        address: u64,
        bytes: usize,
        pages: PhysicalId,
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.map(address as Word, bytes, pages.0 as Word) }
    }

    unsafe fn unmap(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.unmap(address as Word, bytes) }
    }

    fn export_physical(&self, device: u32, _: PhysicalId) -> Result<OwnedFd, GpuError> {
        self.at(device)?.no_descriptors()
    }

    fn import_physical(&self, device: u32, _: OwnedFd) -> Result<PhysicalId, GpuError> {
        self.at(device)?.no_descriptors()
    }

    fn base_of(&self, device: u32, address: u64) -> Result<(u64, usize), GpuError> {
        self.at(device)?.base_of(address)
    }

    fn about(&self, address: u64) -> Result<Option<About>, GpuError> {
        self.about_any(address)
    }

    fn export(&self, device: u32, base: u64) -> Result<IpcBytes, GpuError> {
        self.at(device)?.export(base as Word)
    }

    unsafe fn open(&self, device: u32, handle: &IpcBytes) -> Result<u64, GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.open(handle) }
    }

    unsafe fn close(&self, device: u32, address: u64) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.close(address as Word) }
    }

    fn load(&self, device: u32, code: &[u8]) -> Result<ModuleId, GpuError> {
        self.at(device)?.load(code)
    }

    unsafe fn unload(&self, device: u32, module: ModuleId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.unload(module.0 as Word) }
    }

    fn function(&self, device: u32, module: ModuleId, name: &str) -> Result<FunctionId, GpuError> {
        self.at(device)?.function(module.0 as Word, name)
    }

    unsafe fn launch(
        &self,
        device: u32,
        function: FunctionId,
        launch: Launch,
        arguments: &[*const c_void],
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.at(device)?.launch(function.0 as Word, launch, arguments) }
    }
}
