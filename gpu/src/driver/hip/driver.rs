//! HIP as a driver.

use std::ffi::{c_int, c_uint, c_void};
use std::os::fd::OwnedFd;
use std::ptr::NonNull;

use super::super::{
    Attributes, Direction, Driver, DriverKind, EventId, FunctionId, IpcBytes, Launch, ModuleId,
    PhysicalId, StreamId,
};
use super::errors::{INVALID_DEVICE_POINTER, INVALID_VALUE, NOT_FOUND, NOT_READY};
use super::table::{IpcHandle, Word};
use super::{HipDriver, VERSION_6, nothing, some};
use crate::GpuError;
use crate::driver::table::Refusal;

/// `hipMemAttachGlobal`: all devices may use a managed block.
const ATTACH_GLOBAL: c_uint = 1;
/// `hipHostMallocPortable | hipHostMallocMapped`, and the same of `hipHostRegister`.
const PORTABLE_MAPPED: c_uint = 3;
/// `hipStreamNonBlocking`: the default stream is not waited for.
const NON_BLOCKING: c_uint = 1;
/// `hipEventDisableTiming`.
const DISABLE_TIMING: c_uint = 2;

impl HipDriver {
    /// Asks a stream for something; without one, asks the default one, and waits for it.
    fn in_order(
        &self,
        device: u32,
        stream: Option<StreamId>,
        ask: impl FnOnce(Word) -> Result<(), Refusal>,
    ) -> Result<(), GpuError> {
        let _current = self.enter(device)?;
        let StreamId(word) = stream.unwrap_or_default();
        self.on(device, ask(word as Word))?;
        if stream.is_some() { Ok(()) } else { self.wait_for(device, 0) }
    }

    fn wait_for(&self, device: u32, stream: Word) -> Result<(), GpuError> {
        // SAFETY: the stream is the driver's.
        self.on(device, unsafe { self.table.synchronize(stream) })
    }
}

/// `hipMemcpyKind`.
fn kind_of(direction: Direction) -> c_int {
    match direction {
        Direction::ToDevice => 1,
        Direction::ToHost => 2,
        Direction::Within => 3,
    }
}

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
        let _current = self.enter(device)?;
        self.attributes_of(device)
    }

    fn free_and_total(&self, device: u32) -> Result<(usize, usize), GpuError> {
        let _current = self.enter(device)?;
        let (mut free, mut total) = (0, 0);
        self.on(device, self.table.memory_info(&mut free, &mut total))?;
        Ok((free, total))
    }

    fn allocate(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        let _current = self.enter(device)?;
        let mut block = 0;
        self.allocated(device, bytes, self.table.malloc(&mut block, bytes))?;
        some("hipMalloc", block)
    }

    unsafe fn free(&self, device: u32, address: u64) -> Result<(), GpuError> {
        // SAFETY: the caller's; HIP waits for the device by itself.
        self.give_back(device, || unsafe { self.table.free(address as Word) })
    }

    fn allocate_on(&self, device: u32, stream: StreamId, bytes: usize) -> Result<u64, GpuError> {
        let _current = self.enter(device)?;
        let mut block = 0;
        let made = self.table.malloc_async(&mut block, bytes, stream.0 as Word);
        self.allocated(device, bytes, made)?;
        some("hipMallocAsync", block)
    }

    unsafe fn free_on(&self, device: u32, stream: StreamId, address: u64) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe {
            self.table.free_async(address as Word, stream.0 as Word)
        })
    }

    fn allocate_managed(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        let _current = self.enter(device)?;
        let mut block = 0;
        let made = self.table.malloc_managed(&mut block, bytes, ATTACH_GLOBAL);
        self.allocated(device, bytes, made)?;
        some("hipMallocManaged", block)
    }

    fn allocate_pinned(&self, device: u32, bytes: usize) -> Result<NonNull<u8>, GpuError> {
        let _current = self.enter(device)?;
        let mut block = std::ptr::null_mut();
        let made = self.table.malloc_host(&mut block, bytes, PORTABLE_MAPPED);
        self.allocated(device, bytes, made)?;
        NonNull::new(block).ok_or_else(|| nothing("hipHostMalloc"))
    }

    unsafe fn free_pinned(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.free_host(address.as_ptr()) })
    }

    /// HIP has no flag for memory that is only read.
    unsafe fn register(
        &self,
        device: u32,
        address: NonNull<u8>,
        bytes: usize,
        _read_only: bool,
    ) -> Result<u64, GpuError> {
        let _current = self.enter(device)?;
        let host = address.as_ptr();
        // SAFETY: the caller's.
        self.on(device, unsafe { self.table.register(host, bytes, PORTABLE_MAPPED) })?;
        let mut word = 0;
        // SAFETY: just registered.
        let found = unsafe { self.table.device_pointer(&mut word, host, 0) };
        let found = self.on(device, found).and_then(|()| some("hipHostGetDevicePointer", word));
        if found.is_err() {
            // SAFETY: just registered, and nobody knows. What failed first is what is said.
            let _ = unsafe { self.table.unregister(host) };
        }
        found
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
        let (to, from, kind) = (to as Word, from as Word, kind_of(direction));
        // SAFETY: the caller's.
        self.in_order(device, stream, |it| unsafe { self.table.copy(to, from, bytes, kind, it) })
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
        let (to_device, peer) = (device as c_int, from_device as c_int);
        // SAFETY: the caller's.
        self.in_order(device, stream, |it| unsafe {
            self.table.copy_peer(to as Word, to_device, from as Word, peer, bytes, it)
        })
    }

    unsafe fn fill(
        &self,
        device: u32,
        stream: Option<StreamId>,
        at: u64,
        byte: u8,
        bytes: usize,
    ) -> Result<(), GpuError> {
        let (at, value) = (at as Word, c_int::from(byte));
        // SAFETY: the caller's.
        self.in_order(device, stream, |it| unsafe { self.table.fill(at, value, bytes, it) })
    }

    fn create_stream(&self, device: u32) -> Result<StreamId, GpuError> {
        let _current = self.enter(device)?;
        let mut stream = 0;
        self.on(device, self.table.create_stream(&mut stream, NON_BLOCKING))?;
        some("hipStreamCreateWithFlags", stream).map(StreamId)
    }

    unsafe fn destroy_stream(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.destroy_stream(stream.0 as Word) })
    }

    fn synchronize(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        let _current = self.enter(device)?;
        self.wait_for(device, stream.0 as Word)
    }

    fn synchronize_device(&self, device: u32) -> Result<(), GpuError> {
        let _current = self.enter(device)?;
        self.on(device, self.table.synchronize_device())
    }

    fn create_event(&self, device: u32) -> Result<EventId, GpuError> {
        let _current = self.enter(device)?;
        let mut event = 0;
        self.on(device, self.table.create_event(&mut event, DISABLE_TIMING))?;
        some("hipEventCreateWithFlags", event).map(EventId)
    }

    unsafe fn destroy_event(&self, device: u32, event: EventId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.destroy_event(event.0 as Word) })
    }

    fn record(&self, device: u32, event: EventId, stream: StreamId) -> Result<(), GpuError> {
        let _current = self.enter(device)?;
        // SAFETY: both are the driver's.
        self.on(device, unsafe { self.table.record(event.0 as Word, stream.0 as Word) })
    }

    fn wait(&self, device: u32, stream: StreamId, event: EventId) -> Result<(), GpuError> {
        let _current = self.enter(device)?;
        // SAFETY: both are the driver's.
        self.on(device, unsafe { self.table.wait(stream.0 as Word, event.0 as Word, 0) })
    }

    fn has_happened(&self, device: u32, event: EventId) -> Result<bool, GpuError> {
        let _current = self.enter(device)?;
        // SAFETY: it is the driver's.
        match unsafe { self.table.query(event.0 as Word) } {
            Err(refusal) if refusal.code() == Some(NOT_READY) => Ok(false),
            answer => self.on(device, answer).map(|()| true),
        }
    }

    fn reserve(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        let _current = self.enter(device)?;
        self.reserve_addresses(device, bytes)
    }

    unsafe fn release(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.release(address as Word, bytes) })
    }

    fn create_physical(&self, device: u32, bytes: usize) -> Result<PhysicalId, GpuError> {
        let _current = self.enter(device)?;
        self.create_pages(device, bytes)
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
        let _current = self.enter(device)?;
        // SAFETY: the caller's.
        unsafe { self.map_pages(device, address as Word, bytes, pages.0 as Word) }
    }

    unsafe fn unmap(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.unmap(address as Word, bytes) })
    }

    fn export_physical(&self, device: u32, pages: PhysicalId) -> Result<OwnedFd, GpuError> {
        let _current = self.enter(device)?;
        self.export_pages(device, pages.0 as Word)
    }

    fn import_physical(&self, device: u32, descriptor: OwnedFd) -> Result<PhysicalId, GpuError> {
        let _current = self.enter(device)?;
        self.import_pages(device, &descriptor)
    }

    fn base_of(&self, device: u32, address: u64) -> Result<(u64, usize), GpuError> {
        let _current = self.enter(device)?;
        let (mut base, mut bytes) = (0, 0);
        let found = self.table.base_of(&mut base, &mut bytes, address as Word);
        match found.map_err(|refusal| (refusal.code(), refusal)) {
            Err((Some(INVALID_VALUE | INVALID_DEVICE_POINTER | NOT_FOUND), _)) => {
                Err(GpuError::WrongAddress { device, address })
            }
            answer => {
                self.on(device, answer.map_err(|(_, refusal)| refusal))?;
                Ok((base as u64, bytes))
            }
        }
    }

    fn export(&self, device: u32, base: u64) -> Result<IpcBytes, GpuError> {
        let _current = self.enter(device)?;
        let mut handle = IpcHandle([0; 64]);
        self.on(device, self.table.export(&mut handle, base as Word))?;
        Ok(handle.0)
    }

    unsafe fn open(&self, device: u32, handle: &IpcBytes) -> Result<u64, GpuError> {
        let _current = self.enter(device)?;
        // `hipIpcMemLazyEnablePeerAccess`, the only value that is taken.
        let flags = c_uint::from(self.version >= VERSION_6);
        let mut address = 0;
        // SAFETY: the caller's.
        let opened = unsafe { self.table.open(&mut address, IpcHandle(*handle), flags) };
        self.on(device, opened)?;
        some("hipIpcOpenMemHandle", address)
    }

    unsafe fn close(&self, device: u32, address: u64) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.close(address as Word) })
    }

    fn load(&self, device: u32, code: &[u8]) -> Result<ModuleId, GpuError> {
        let _current = self.enter(device)?;
        self.load_code(device, code)
    }

    unsafe fn unload(&self, device: u32, module: ModuleId) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.give_back(device, || unsafe { self.table.unload(module.0 as Word) })
    }

    fn function(&self, device: u32, module: ModuleId, name: &str) -> Result<FunctionId, GpuError> {
        let _current = self.enter(device)?;
        self.kernel(device, module.0 as Word, name).map(FunctionId)
    }

    unsafe fn launch(
        &self,
        device: u32,
        function: FunctionId,
        launch: Launch,
        arguments: &[*const c_void],
    ) -> Result<(), GpuError> {
        let _current = self.enter(device)?;
        let Launch { blocks, threads, shared_bytes, stream } = launch;
        // SAFETY: the caller's.
        let launched = unsafe {
            self.table.launch(
                function.0 as Word,
                blocks,
                1,
                1,
                threads,
                1,
                1,
                shared_bytes,
                stream.0 as Word,
                arguments.as_ptr(),
                std::ptr::null(),
            )
        };
        self.on(device, launched)
    }
}
