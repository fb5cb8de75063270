//! NVIDIA's CUDA.
//!
//! The library is loaded when it is asked for, all its functions are looked up then, and nothing
//! panics where one is missing. A call on a device [enters](context::Cuda::enter) it first, and
//! what can be asked of it is in the files beside this one, by what it is about.

mod about;
mod api;
mod attributes;
mod context;
mod errors;
mod ipc;
mod kernels;
mod memory;
mod start;
mod streams;
mod virtual_memory;

use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;

use context::Cuda;
pub(super) use start::load;

use super::{
    About, Attributes, Direction, Driver, DriverKind, EventId, FunctionId, IpcBytes, Launch,
    ModuleId, PhysicalId, StreamId,
};
use crate::GpuError;

// SAFETY: each method asks CUDA for just that, and CUDA keeps to it: blocks are nobody else's,
// and copies touch what they were asked for. None unwinds, for all functions were looked up.
unsafe impl Driver for Cuda {
    fn kind(&self) -> DriverKind {
        DriverKind::Cuda
    }

    fn version(&self) -> Result<u32, GpuError> {
        self.check()?;
        Ok(self.version)
    }

    fn devices(&self) -> Result<u32, GpuError> {
        self.check()?;
        Ok(self.count())
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
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.free(address) }
    }

    fn allocate_on(&self, device: u32, stream: StreamId, bytes: usize) -> Result<u64, GpuError> {
        self.enter(device)?.allocate_on(stream, bytes)
    }

    unsafe fn free_on(&self, device: u32, stream: StreamId, address: u64) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.free_on(stream, address) }
    }

    fn allocate_managed(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.enter(device)?.allocate_managed(bytes)
    }

    fn allocate_pinned(&self, device: u32, bytes: usize) -> Result<NonNull<u8>, GpuError> {
        self.enter(device)?.allocate_pinned(bytes)
    }

    unsafe fn free_pinned(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.free_pinned(address) }
    }

    unsafe fn register(
        &self,
        device: u32,
        address: NonNull<u8>,
        bytes: usize,
        read_only: bool,
    ) -> Result<u64, GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.register(address, bytes, read_only) }
    }

    fn registered_address(&self, device: u32, address: NonNull<u8>) -> Result<u64, GpuError> {
        self.enter(device)?.registered_address(address)
    }

    unsafe fn unregister(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.unregister(address) }
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
        // SAFETY: passed on from the caller.
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
        // SAFETY: passed on from the caller.
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
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.fill(stream, at, byte, bytes) }
    }

    fn create_stream(&self, device: u32) -> Result<StreamId, GpuError> {
        self.enter(device)?.create_stream()
    }

    unsafe fn destroy_stream(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.destroy_stream(stream) }
    }

    fn synchronize(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        self.enter(device)?.synchronize_stream(stream)
    }

    fn synchronize_device(&self, device: u32) -> Result<(), GpuError> {
        self.enter(device)?.synchronize()
    }

    fn create_event(&self, device: u32) -> Result<EventId, GpuError> {
        self.enter(device)?.create_event()
    }

    unsafe fn destroy_event(&self, device: u32, event: EventId) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.destroy_event(event) }
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
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.release(address, bytes) }
    }

    fn create_physical(&self, device: u32, bytes: usize) -> Result<PhysicalId, GpuError> {
        self.enter(device)?.create_physical(bytes)
    }

    unsafe fn destroy_physical(&self, device: u32, pages: PhysicalId) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.destroy_physical(pages) }
    }

    unsafe fn map(
        &self,
        device: u32,
        address: u64,
        bytes: usize,
        pages: PhysicalId,
    ) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.map(address, bytes, pages) }
    }

    unsafe fn unmap(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.unmap(address, bytes) }
    }

    fn export_physical(&self, device: u32, pages: PhysicalId) -> Result<OwnedFd, GpuError> {
        self.enter(device)?.export_physical(pages)
    }

    fn import_physical(&self, device: u32, descriptor: OwnedFd) -> Result<PhysicalId, GpuError> {
        self.enter(device)?.import_physical(descriptor)
    }

    fn base_of(&self, device: u32, address: u64) -> Result<(u64, usize), GpuError> {
        self.enter(device)?.base_of(address)
    }

    fn about(&self, address: u64) -> Result<Option<About>, GpuError> {
        match self.any_entered()? {
            Some(device) => self.enter(device)?.about(address),
            // Nothing was allocated yet.
            None => Ok(None),
        }
    }

    fn export(&self, device: u32, base: u64) -> Result<IpcBytes, GpuError> {
        self.enter(device)?.export(base)
    }

    unsafe fn open(&self, device: u32, handle: &IpcBytes) -> Result<u64, GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.open(handle) }
    }

    unsafe fn close(&self, device: u32, address: u64) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.close(address) }
    }

    fn load(&self, device: u32, code: &[u8]) -> Result<ModuleId, GpuError> {
        self.enter(device)?.load(code)
    }

    unsafe fn unload(&self, device: u32, module: ModuleId) -> Result<(), GpuError> {
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.unload(module) }
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
        // SAFETY: passed on from the caller.
        unsafe { self.enter(device)?.launch(function, launch, arguments) }
    }
}
