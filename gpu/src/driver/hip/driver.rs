//! HIP as a driver.

use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;

use super::super::{
    About, Attributes, Direction, Driver, DriverKind, EventId, FunctionId, IpcBytes, Launch,
    ModuleId, PhysicalId, StreamId,
};
use super::HipDriver;
use super::table::Word;
use crate::GpuError;

// SAFETY: HIP's functions may be called by any thread, and what they hand out is theirs until it
// is given back. All results are looked at before anything is handed on.
unsafe impl Driver for HipDriver {
    fn kind(&self) -> DriverKind {
        DriverKind::Hip
    }

    fn version(&self) -> Result<u32, GpuError> {
        self.process.check().map(|()| self.version)
    }

    fn devices(&self) -> Result<u32, GpuError> {
        self.process.check().map(|()| self.devices)
    }

    fn attributes(&self, device: u32) -> Result<Attributes, GpuError> {
        self.enter(device)?.attributes()
    }

    fn free_and_total(&self, device: u32) -> Result<(usize, usize), GpuError> {
        self.enter(device)?.free_and_total()
    }

    fn allocate(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.enter(device)?.allocate(bytes)
    }

    unsafe fn free(&self, device: u32, address: u64) -> Result<(), GpuError> {
        // SAFETY: the caller's; HIP waits for the device by itself.
        self.give_back(device, || unsafe { self.table.free(address as Word) })
    }

    fn allocate_on(&self, device: u32, stream: StreamId, bytes: usize) -> Result<u64, GpuError> {
        self.enter(device)?.allocate_on(stream, bytes)
    }

    unsafe fn free_on(&self, device: u32, stream: StreamId, address: u64) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe {
            self.table.free_async(address as Word, stream.0 as Word)
        })
    }

    fn allocate_managed(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.enter(device)?.allocate_managed(bytes)
    }

    fn allocate_pinned(&self, device: u32, bytes: usize) -> Result<NonNull<u8>, GpuError> {
        self.enter(device)?.allocate_pinned(bytes)
    }

    unsafe fn free_pinned(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.free_host(address.as_ptr()) })
    }

    unsafe fn register(
        &self,
        device: u32,
        address: NonNull<u8>,
        bytes: usize,
        read_only: bool,
    ) -> Result<u64, GpuError> {
        // SAFETY: the caller's.
        unsafe { self.enter(device)?.register(address, bytes, read_only) }
    }

    fn registered_address(&self, device: u32, address: NonNull<u8>) -> Result<u64, GpuError> {
        self.enter(device)?.registered_address(address)
    }

    unsafe fn unregister(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.unregister(address.as_ptr()) })
    }

    unsafe fn copy(
        &self,
        device: u32,
        stream: Option<StreamId>,
        to: u64,
        from: u64,
        bytes: usize,
        direction: Direction,
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.enter(device)?.copy(stream, to, from, bytes, direction) }
    }

    unsafe fn copy_peer(
        &self,
        device: u32,
        stream: Option<StreamId>,
        to: u64,
        from_device: u32,
        from: u64,
        bytes: usize,
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.enter(device)?.copy_peer(stream, to, from_device, from, bytes) }
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
        unsafe { self.enter(device)?.fill(stream, at, byte, bytes) }
    }

    fn create_stream(&self, device: u32) -> Result<StreamId, GpuError> {
        self.enter(device)?.create_stream()
    }

    unsafe fn destroy_stream(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.destroy_stream(stream.0 as Word) })
    }

    fn synchronize(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        self.enter(device)?.synchronize(stream)
    }

    fn synchronize_device(&self, device: u32) -> Result<(), GpuError> {
        let _current = self.enter(device)?;
        self.on(device, self.table.synchronize_device())
    }

    fn create_event(&self, device: u32) -> Result<EventId, GpuError> {
        self.enter(device)?.create_event()
    }

    unsafe fn destroy_event(&self, device: u32, event: EventId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.destroy_event(event.0 as Word) })
    }

    fn record(&self, device: u32, event: EventId, stream: StreamId) -> Result<(), GpuError> {
        self.enter(device)?.record(event, stream)
    }

    fn wait(&self, device: u32, stream: StreamId, event: EventId) -> Result<(), GpuError> {
        self.enter(device)?.wait(stream, event)
    }

    fn has_happened(&self, device: u32, event: EventId) -> Result<bool, GpuError> {
        self.enter(device)?.has_happened(event)
    }

    fn reserve(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.enter(device)?.reserve(bytes)
    }

    unsafe fn release(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.release(address as Word, bytes) })
    }

    fn create_physical(&self, device: u32, bytes: usize) -> Result<PhysicalId, GpuError> {
        self.enter(device)?.create_physical(bytes)
    }

    unsafe fn destroy_physical(&self, device: u32, pages: PhysicalId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.destroy_physical(pages.0 as Word) })
    }

    unsafe fn map(
        &self,
        device: u32,
        address: u64,
        bytes: usize,
        pages: PhysicalId,
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.enter(device)?.map(address, bytes, pages) }
    }

    unsafe fn unmap(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.unmap(address as Word, bytes) })
    }

    fn export_physical(&self, device: u32, pages: PhysicalId) -> Result<OwnedFd, GpuError> {
        self.enter(device)?.export_physical(pages)
    }

    fn import_physical(&self, device: u32, descriptor: OwnedFd) -> Result<PhysicalId, GpuError> {
        self.enter(device)?.import_physical(&descriptor)
    }

    fn base_of(&self, device: u32, address: u64) -> Result<(u64, usize), GpuError> {
        self.enter(device)?.base_of(address)
    }

    fn about(&self, address: u64) -> Result<Option<About>, GpuError> {
        // Any device will do: HIP looks among the blocks of all.
        self.enter(0)?.about(address)
    }

    fn export(&self, device: u32, base: u64) -> Result<IpcBytes, GpuError> {
        self.enter(device)?.export(base)
    }

    unsafe fn open(&self, device: u32, handle: &IpcBytes) -> Result<u64, GpuError> {
        // SAFETY: the caller's.
        unsafe { self.enter(device)?.open(handle) }
    }

    unsafe fn close(&self, device: u32, address: u64) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.close(address as Word) })
    }

    fn load(&self, device: u32, code: &[u8]) -> Result<ModuleId, GpuError> {
        self.enter(device)?.load(code)
    }

    unsafe fn unload(&self, device: u32, module: ModuleId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.unload(module.0 as Word) })
    }

    fn function(&self, device: u32, module: ModuleId, name: &str) -> Result<FunctionId, GpuError> {
        self.enter(device)?.function(module, name)
    }

    unsafe fn launch(
        &self,
        device: u32,
        function: FunctionId,
        launch: Launch,
        arguments: &[*const c_void],
    ) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        unsafe { self.enter(device)?.launch(function, launch, arguments) }
    }
}
