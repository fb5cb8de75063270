//! The devices of [`anymem_gpu_sim`], as a driver.
//!
//! Its numbers for what is wrong are CUDA's.

use std::ffi::c_void;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;
use std::sync::Arc;

use anymem::provider::MemoryKind;
use anymem_gpu_sim::{
    Access, Device, Event, Function as SimFunction, Grid, Machine, Module, Options, Owner, Pages,
    Side, SimError, Stream,
};

use super::{
    About, Attributes, Direction, Driver, DriverKind, EventId, Function, FunctionId, IpcBytes,
    Launch, ModuleId, PhysicalId, StreamId,
};
use crate::GpuError;

/// The driver of a machine in software.
///
/// ```
/// use anymem_gpu::driver::{Driver, SimDriver};
///
/// let driver = SimDriver::new(anymem_gpu_sim::Options::default())?;
/// let block = driver.allocate(0, 4096)?;
/// assert_eq!(driver.base_of(0, block + 5)?, (block, 4096));
/// // SAFETY: nobody uses the block.
/// unsafe { driver.free(0, block)? };
/// # Ok::<(), anymem_gpu::GpuError>(())
/// ```
#[derive(Debug)]
pub struct SimDriver {
    machine: Arc<Machine>,
}

impl SimDriver {
    /// The driver of a new machine.
    ///
    /// # Errors
    ///
    /// [`GpuError::NoDevice`] if it is to have none, [`GpuError::Driver`] if it cannot be.
    pub fn new(options: Options) -> Result<Arc<Self>, GpuError> {
        if options.devices == 0 {
            return Err(GpuError::NoDevice { driver: DriverKind::Sim });
        }
        Machine::new(options).map(Self::of).map_err(|error| failed(0, "Machine::new", error))
    }

    /// The driver of a machine.
    pub fn of(machine: Arc<Machine>) -> Arc<Self> {
        Arc::new(Self { machine })
    }

    /// The machine: what tests steer it with, and count.
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// Asks a device for something.
    fn ask<'a, T>(
        &'a self,
        device: u32,
        function: Function,
        ask: impl FnOnce(Device<'a>) -> Result<T, SimError>,
    ) -> Result<T, GpuError> {
        let answer = self.machine.device(device).and_then(ask);
        answer.map_err(|error| failed(device, function, error))
    }
}

/// What an error of the machine's is to users of drivers.
fn failed(device: u32, function: Function, error: SimError) -> GpuError {
    match error {
        SimError::NoSuchDevice { asked, found } => GpuError::WrongDevice { asked, found },
        SimError::OutOfMemory { asked, free, total } => {
            GpuError::OutOfMemory { asked, free, total, held: 0 }
        }
        SimError::WrongAddress { address } => GpuError::WrongAddress { device, address },
        SimError::Forked => GpuError::Forked,
        SimError::Lost { device, cause } => GpuError::ContextLost { device, code: cause.code() },
        SimError::Unsupported { what } => GpuError::Unsupported { device, what },
        other => GpuError::Driver { function, code: other.code() },
    }
}

/// A device's stream: 0 is the default one.
fn stream_of(device: Device<'_>, stream: StreamId) -> Stream {
    if stream == StreamId::default() { device.default_stream() } else { Stream::of(stream.0) }
}

/// The driver of a machine as the [environment](anymem_gpu_sim::environment) wants it.
pub(super) fn load() -> Result<Arc<dyn Driver>, GpuError> {
    let machine = Machine::from_environment();
    let machine = machine.map_err(|error| failed(0, "Machine::from_environment", error))?;
    if machine.devices() == 0 {
        return Err(GpuError::NoDevice { driver: DriverKind::Sim });
    }
    Ok(SimDriver::of(machine))
}

/// An address of the processor's.
fn host(address: u64) -> Result<Side, SimError> {
    let address = std::ptr::with_exposed_provenance_mut(address as usize);
    NonNull::new(address).map(Side::Host).ok_or(SimError::WrongAddress { address: 0 })
}

// SAFETY: blocks are places of the machine's memory that nobody else has, and its commands
// touch what they were asked to. No method of it panics.
unsafe impl Driver for SimDriver {
    fn kind(&self) -> DriverKind {
        DriverKind::Sim
    }

    fn version(&self) -> Result<u32, GpuError> {
        if self.machine.is_here() { Ok(1) } else { Err(GpuError::Forked) }
    }

    fn devices(&self) -> Result<u32, GpuError> {
        Ok(self.machine.devices())
    }

    fn attributes(&self, device: u32) -> Result<Attributes, GpuError> {
        let (_, total) = self.free_and_total(device)?;
        let options = self.machine.options();
        Ok(Attributes {
            name: format!("software device {device}"),
            total,
            managed: options.managed,
            concurrent_managed: options.managed,
            register: true,
            register_read_only: true,
            register_same_address: options.same_address,
            host_atomics: options.host_atomics,
            ipc: options.ipc,
            stream_ordered: options.stream_ordered,
            map_granularity: options.virtual_memory.then_some(options.granularity),
        })
    }

    fn free_and_total(&self, device: u32) -> Result<(usize, usize), GpuError> {
        self.ask(device, "free_and_total", Device::free_and_total)
    }

    fn allocate(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.ask(device, "allocate", |it| it.allocate(bytes))
    }

    unsafe fn free(&self, device: u32, address: u64) -> Result<(), GpuError> {
        self.ask(device, "free", |it| it.free(address))
    }

    fn allocate_on(&self, device: u32, stream: StreamId, bytes: usize) -> Result<u64, GpuError> {
        self.ask(device, "allocate_on", |it| it.allocate_on(stream_of(it, stream), bytes))
    }

    unsafe fn free_on(&self, device: u32, stream: StreamId, address: u64) -> Result<(), GpuError> {
        self.ask(device, "free_on", |it| it.free_on(stream_of(it, stream), address))
    }

    fn allocate_managed(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.ask(device, "allocate_managed", |it| it.allocate_managed(bytes))
    }

    fn allocate_pinned(&self, device: u32, bytes: usize) -> Result<NonNull<u8>, GpuError> {
        self.ask(device, "allocate_pinned", |it| it.allocate_pinned(bytes))
    }

    unsafe fn free_pinned(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError> {
        self.ask(device, "free_pinned", |it| it.free_pinned(address))
    }

    unsafe fn register(
        &self,
        device: u32,
        address: NonNull<u8>,
        bytes: usize,
        read_only: bool,
    ) -> Result<u64, GpuError> {
        // SAFETY: as the caller promises.
        self.ask(device, "register", |it| unsafe { it.register(address, bytes, read_only) })
    }

    fn registered_address(&self, device: u32, address: NonNull<u8>) -> Result<u64, GpuError> {
        self.ask(device, "registered_address", |it| it.device_address(address))
    }

    unsafe fn unregister(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError> {
        self.ask(device, "unregister", |it| it.unregister(address))
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
        self.ask(device, "copy", |it| {
            if bytes == 0 {
                return Ok(());
            }
            let (to, from) = match direction {
                Direction::ToDevice => (Side::Device(to), host(from)?),
                Direction::ToHost => (host(to)?, Side::Device(from)),
                Direction::Within => (Side::Device(to), Side::Device(from)),
            };
            // SAFETY: as the caller promises.
            unsafe { it.copy(stream.map(|number| stream_of(it, number)), to, from, bytes) }
        })
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
        self.ask(device, "copy_peer", |it| {
            let stream = stream.map(|number| stream_of(it, number));
            // SAFETY: as the caller promises.
            unsafe { it.copy(stream, Side::Device(to), Side::Peer(from_device, from), bytes) }
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
        self.ask(device, "fill", |it| {
            it.fill(stream.map(|number| stream_of(it, number)), at, byte, bytes)
        })
    }

    fn create_stream(&self, device: u32) -> Result<StreamId, GpuError> {
        self.ask(device, "create_stream", |it| it.create_stream(false))
            .map(|stream| StreamId(stream.number()))
    }

    unsafe fn destroy_stream(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        self.ask(device, "destroy_stream", |it| it.destroy_stream(stream_of(it, stream)))
    }

    fn synchronize(&self, device: u32, stream: StreamId) -> Result<(), GpuError> {
        self.ask(device, "synchronize", |it| it.synchronize(stream_of(it, stream)))
    }

    fn synchronize_device(&self, device: u32) -> Result<(), GpuError> {
        self.ask(device, "synchronize_device", Device::synchronize_all)
    }

    fn create_event(&self, device: u32) -> Result<EventId, GpuError> {
        self.ask(device, "create_event", Device::create_event).map(|event| EventId(event.number()))
    }

    unsafe fn destroy_event(&self, device: u32, event: EventId) -> Result<(), GpuError> {
        self.ask(device, "destroy_event", |it| it.destroy_event(Event::of(event.0)))
    }

    fn record(&self, device: u32, event: EventId, stream: StreamId) -> Result<(), GpuError> {
        self.ask(device, "record", |it| it.record(Event::of(event.0), stream_of(it, stream)))
    }

    fn wait(&self, device: u32, stream: StreamId, event: EventId) -> Result<(), GpuError> {
        self.ask(device, "wait", |it| it.wait(stream_of(it, stream), Event::of(event.0)))
    }

    fn has_happened(&self, device: u32, event: EventId) -> Result<bool, GpuError> {
        self.ask(device, "has_happened", |it| it.has_happened(Event::of(event.0)))
    }

    fn reserve(&self, device: u32, bytes: usize) -> Result<u64, GpuError> {
        self.ask(device, "reserve", |it| it.reserve(bytes))
    }

    unsafe fn release(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError> {
        self.ask(device, "release", |it| it.release(address, bytes))
    }

    fn create_physical(&self, device: u32, bytes: usize) -> Result<PhysicalId, GpuError> {
        self.ask(device, "create_physical", |it| it.create_pages(bytes))
            .map(|pages| PhysicalId(pages.number()))
    }

    unsafe fn destroy_physical(&self, device: u32, pages: PhysicalId) -> Result<(), GpuError> {
        self.ask(device, "destroy_physical", |it| it.destroy_pages(Pages::of(pages.0)))
    }

    unsafe fn map(
        &self,
        device: u32,
        address: u64,
        bytes: usize,
        pages: PhysicalId,
    ) -> Result<(), GpuError> {
        self.ask(device, "map", |it| {
            it.map(address, bytes, Pages::of(pages.0))?;
            it.set_access(address, bytes, Access::Write)
                .inspect_err(|_| drop(it.unmap(address, bytes)))
        })
    }

    unsafe fn unmap(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError> {
        self.ask(device, "unmap", |it| it.unmap(address, bytes))
    }

    fn export_physical(&self, device: u32, pages: PhysicalId) -> Result<OwnedFd, GpuError> {
        self.ask(device, "export_physical", |it| it.export_pages(Pages::of(pages.0)))
    }

    fn import_physical(&self, device: u32, descriptor: OwnedFd) -> Result<PhysicalId, GpuError> {
        self.ask(device, "import_physical", |it| it.import_pages(descriptor))
            .map(|pages| PhysicalId(pages.number()))
    }

    fn base_of(&self, device: u32, address: u64) -> Result<(u64, usize), GpuError> {
        self.ask(device, "base_of", |it| it.base_of(address))
    }

    fn about(&self, address: u64) -> Result<Option<About>, GpuError> {
        let found = self.ask(0, "about", |it| it.about(address))?;
        Ok(found.map(|it| {
            let (kind, device) = match it.owner {
                Owner::Device(number) => (MemoryKind::Device, Some(number)),
                Owner::Managed => (MemoryKind::Managed, None),
                Owner::Host => (MemoryKind::Host, None),
            };
            // Of host memory that was asked for by the processor's address.
            let start = address.wrapping_sub(it.address.wrapping_sub(it.start));
            About { kind, device, start, bytes: it.bytes, id: None }
        }))
    }

    fn export(&self, device: u32, base: u64) -> Result<IpcBytes, GpuError> {
        self.ask(device, "export", |it| it.export(base))
    }

    unsafe fn open(&self, device: u32, handle: &IpcBytes) -> Result<u64, GpuError> {
        self.ask(device, "open", |it| it.open(handle))
    }

    unsafe fn close(&self, device: u32, address: u64) -> Result<(), GpuError> {
        self.ask(device, "close", |it| it.close(address))
    }

    fn load(&self, device: u32, code: &[u8]) -> Result<ModuleId, GpuError> {
        self.ask(device, "load", |it| it.load(code)).map(|module| ModuleId(module.number()))
    }

    unsafe fn unload(&self, device: u32, module: ModuleId) -> Result<(), GpuError> {
        self.ask(device, "unload", |it| it.unload(Module::of(module.0)))
    }

    fn function(&self, device: u32, module: ModuleId, name: &str) -> Result<FunctionId, GpuError> {
        self.ask(device, "function", |it| it.function(Module::of(module.0), name))
            .map(|function| FunctionId(function.number()))
    }

    unsafe fn launch(
        &self,
        device: u32,
        function: FunctionId,
        launch: Launch,
        arguments: &[*const c_void],
    ) -> Result<(), GpuError> {
        let Launch { blocks, threads, stream, .. } = launch;
        let grid = Grid::line(blocks, threads);
        self.ask(device, "launch", |it| {
            let function = SimFunction::of(function.0);
            // SAFETY: as the caller promises.
            unsafe { it.launch(function, grid, stream_of(it, stream), arguments) }
        })
    }
}
