//! The trait of drivers, and the words of its calls.

use std::ffi::c_void;
use std::fmt;
use std::os::fd::OwnedFd;
use std::ptr::NonNull;

use anymem::provider::MemoryKind;

use crate::GpuError;

/// Whose driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DriverKind {
    /// NVIDIA's CUDA.
    Cuda,
    /// AMD's ROCm: HIP.
    Hip,
    /// Intel's oneAPI Level Zero.
    LevelZero,
    /// A device in software.
    Sim,
}

impl DriverKind {
    /// What its memory is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Hip => "hip",
            Self::LevelZero => "level-zero",
            Self::Sim => "software-device",
        }
    }
}

impl fmt::Display for DriverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Cuda => "CUDA",
            Self::Hip => "HIP",
            Self::LevelZero => "Level Zero",
            Self::Sim => "software device",
        })
    }
}

/// A function of a driver, by its name there.
pub type Function = &'static str;

/// Declares what drivers know by a number: who has one, has the thing.
macro_rules! ids {
    ($($(#[$attribute:meta])* $name:ident;)*) => {$(
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub(crate) u64);

        impl $name {
            /// From the driver's own number, or its pointer as a number.
            ///
            /// # Safety
            ///
            /// It is a thing of that kind of the driver that it will be shown to, for as long
            /// as anybody shows it.
            pub const unsafe fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            /// The driver's own number.
            pub const fn raw(self) -> u64 {
                self.0
            }
        }
    )*};
}

ids! {
    /// A stream of a driver; 0 is the default one.
    #[derive(Default)]
    StreamId;
    /// An event of a driver.
    EventId;
    /// Pages of a device that have no address yet.
    PhysicalId;
    /// Code that was loaded to a device.
    ModuleId;
    /// A kernel of a module.
    FunctionId;
}

/// What other processes open a block with: the driver's bytes, which are plain data.
pub type IpcBytes = [u8; 64];

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the processor's memory to the device's.
    ToDevice,
    /// From the device's memory to the processor's.
    ToHost,
    /// Within the device's memory.
    Within,
}

/// What is known of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Its name.
    pub name: String,
    /// Bytes of its memory.
    pub total: usize,
    /// Whether there is managed memory: one address for the processor and the device.
    pub managed: bool,
    /// Whether the processor may use managed memory while the device does.
    pub concurrent_managed: bool,
    /// Whether host memory can be registered.
    pub register: bool,
    /// Whether host memory can be registered that the processor itself only reads.
    pub register_read_only: bool,
    /// Whether registered host memory has the same address on the device.
    pub register_same_address: bool,
    /// Whether atomics of the device on host memory are atomic for the processor too.
    pub host_atomics: bool,
    /// Whether blocks can be opened in other processes.
    pub ipc: bool,
    /// Whether the driver allocates in the order of a stream. [`DevicePool`](crate::pool::DevicePool)
    /// does so on any device.
    pub stream_ordered: bool,
    /// Bytes that reserved addresses are mapped in multiples of; `None` if there is no
    /// virtual memory management.
    pub map_granularity: Option<usize>,
}

/// What a driver knows of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct About {
    /// What kind of memory it is.
    pub kind: MemoryKind,
    /// The device that it is on, if it is on one.
    pub device: Option<u32>,
    /// Where the block begins that the address is in.
    pub start: u64,
    /// How many bytes that has.
    pub bytes: usize,
    /// The driver's number for the block, which no other has, if it numbers them.
    pub id: Option<u64>,
}

/// How many threads run a kernel, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Blocks of threads.
    pub blocks: u32,
    /// Threads in each.
    pub threads: u32,
    /// Bytes of memory that the threads of a block share.
    pub shared_bytes: u32,
    /// The stream whose turn it is.
    pub stream: StreamId,
}

/// A driver, loaded: what it can do with each of its devices.
///
/// Devices have numbers from 0 on. All calls may come from any thread; each sets the device's
/// context for the calling thread, if the driver wants that. Calls on a stream return before
/// what they ask for is done; those without one return when it is.
///
/// # Errors
///
/// All calls: [`Forked`](GpuError::Forked) in a child of the process that loaded the driver,
/// [`WrongDevice`](GpuError::WrongDevice), [`ContextLost`](GpuError::ContextLost),
/// [`SymbolMissing`](GpuError::SymbolMissing), [`Unsupported`](GpuError::Unsupported), and
/// [`Driver`](GpuError::Driver) for whatever else the driver says. Calls that allocate:
/// [`OutOfMemory`](GpuError::OutOfMemory), whose `held` is 0 here.
///
/// # Safety
///
/// What the methods hand out is valid on that device, and nobody else's, until it is given
/// back. Copies and fills that were done have touched the bytes they were asked for, and no
/// others. No method unwinds.
#[allow(clippy::missing_errors_doc, reason = "they are said above, for all methods")]
pub unsafe trait Driver: Send + Sync + fmt::Debug {
    /// Whose driver it is.
    fn kind(&self) -> DriverKind;

    /// Its version, as the driver counts.
    fn version(&self) -> Result<u32, GpuError>;

    /// How many devices there are.
    fn devices(&self) -> Result<u32, GpuError>;

    /// What is known of a device.
    fn attributes(&self, device: u32) -> Result<Attributes, GpuError>;

    /// Bytes of the device's memory that are free, and all of them.
    fn free_and_total(&self, device: u32) -> Result<(usize, usize), GpuError>;

    /// A block of the device's memory.
    fn allocate(&self, device: u32, bytes: usize) -> Result<u64, GpuError>;

    /// Gives a block back, once the device has done with what it was asked for before.
    ///
    /// # Safety
    ///
    /// It is a block of [`allocate`](Self::allocate) or
    /// [`allocate_managed`](Self::allocate_managed), and nobody uses it.
    unsafe fn free(&self, device: u32, address: u64) -> Result<(), GpuError>;

    /// A block in the order of a stream: it is there for what the stream does next. Drivers that
    /// have [no such](Attributes::stream_ordered) refuse.
    fn allocate_on(&self, device: u32, stream: StreamId, bytes: usize) -> Result<u64, GpuError>;

    /// Gives a block of [`allocate_on`](Self::allocate_on) back, after what the stream has been
    /// asked for.
    ///
    /// # Safety
    ///
    /// As [`free`](Self::free), by then.
    unsafe fn free_on(&self, device: u32, stream: StreamId, address: u64) -> Result<(), GpuError>;

    /// A block that the processor and the device use at one address.
    fn allocate_managed(&self, device: u32, bytes: usize) -> Result<u64, GpuError>;

    /// A block of the processor's memory that stays in memory, and that devices can use.
    fn allocate_pinned(&self, device: u32, bytes: usize) -> Result<NonNull<u8>, GpuError>;

    /// Gives a pinned block back.
    ///
    /// # Safety
    ///
    /// It is a block of [`allocate_pinned`](Self::allocate_pinned), and nobody uses it.
    unsafe fn free_pinned(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError>;

    /// Lets all devices of the driver use bytes of the processor's memory, which stay in memory
    /// from then on; their address on this one. Those that are `read_only` are refused where
    /// there is [no such thing](Attributes::register_read_only).
    ///
    /// # Safety
    ///
    /// The pages are mapped until [`unregister`](Self::unregister), none is registered yet,
    /// and they are writable unless `read_only`.
    unsafe fn register(
        &self,
        device: u32,
        address: NonNull<u8>,
        bytes: usize,
        read_only: bool,
    ) -> Result<u64, GpuError>;

    /// The address on this device of the first byte that was registered with another one.
    fn registered_address(&self, device: u32, address: NonNull<u8>) -> Result<u64, GpuError> {
        if self.attributes(device)?.register_same_address {
            return Ok(address.as_ptr().expose_provenance() as u64);
        }
        Err(GpuError::Unsupported { device, what: "address of memory that another one registered" })
    }

    /// Ends that.
    ///
    /// # Safety
    ///
    /// Registered there, and no device uses it any more.
    unsafe fn unregister(&self, device: u32, address: NonNull<u8>) -> Result<(), GpuError>;

    /// Copies bytes, in the order of `stream`, or at once if there is none.
    ///
    /// # Safety
    ///
    /// Both sides are there for `bytes` bytes until that is done; nobody uses the destination
    /// or writes the source meanwhile.
    unsafe fn copy(
        &self,
        device: u32,
        stream: Option<StreamId>,
        to: u64,
        from: u64,
        bytes: usize,
        direction: Direction,
    ) -> Result<(), GpuError>;

    /// Copies bytes of `from_device` to `device`, as [`copy`](Self::copy) does.
    ///
    /// # Safety
    ///
    /// As [`copy`](Self::copy).
    unsafe fn copy_peer(
        &self,
        device: u32,
        stream: Option<StreamId>,
        to: u64,
        from_device: u32,
        from: u64,
        bytes: usize,
    ) -> Result<(), GpuError>;

    /// Sets bytes to one value, in the order of `stream`, or at once.
    ///
    /// # Safety
    ///
    /// As [`copy`](Self::copy), for the destination.
    unsafe fn fill(
        &self,
        device: u32,
        stream: Option<StreamId>,
        at: u64,
        byte: u8,
        bytes: usize,
    ) -> Result<(), GpuError>;

    /// A new stream.
    fn create_stream(&self, device: u32) -> Result<StreamId, GpuError>;

    /// Gives a stream back, which ends once what it was asked for is done.
    ///
    /// # Safety
    ///
    /// It is one of [`create_stream`](Self::create_stream), and nobody asks it for more.
    unsafe fn destroy_stream(&self, device: u32, stream: StreamId) -> Result<(), GpuError>;

    /// Waits until all that the stream was asked for is done.
    fn synchronize(&self, device: u32, stream: StreamId) -> Result<(), GpuError>;

    /// Waits until all that the device was asked for is done.
    fn synchronize_device(&self, device: u32) -> Result<(), GpuError>;

    /// A new event, which measures no time.
    fn create_event(&self, device: u32) -> Result<EventId, GpuError>;

    /// Gives an event back. Streams that have been told to wait for it still do.
    ///
    /// # Safety
    ///
    /// It is one of [`create_event`](Self::create_event), and nobody names it any more.
    unsafe fn destroy_event(&self, device: u32, event: EventId) -> Result<(), GpuError>;

    /// Lets the event happen after what the stream has been asked for until now.
    fn record(&self, device: u32, event: EventId, stream: StreamId) -> Result<(), GpuError>;

    /// Lets the stream wait for an event that was recorded, before what it is asked for next.
    fn wait(&self, device: u32, stream: StreamId, event: EventId) -> Result<(), GpuError>;

    /// Whether an event that was recorded has happened.
    fn has_happened(&self, device: u32, event: EventId) -> Result<bool, GpuError>;

    /// Reserves addresses, in multiples of the granularity.
    fn reserve(&self, device: u32, bytes: usize) -> Result<u64, GpuError>;

    /// Gives reserved addresses back.
    ///
    /// # Safety
    ///
    /// Reserved so, and nothing is mapped there.
    unsafe fn release(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError>;

    /// Pages without an address, in multiples of the granularity.
    fn create_physical(&self, device: u32, bytes: usize) -> Result<PhysicalId, GpuError>;

    /// Gives such pages back; they are there for as long as they are mapped.
    ///
    /// # Safety
    ///
    /// They are from [`create_physical`](Self::create_physical) or
    /// [`import_physical`](Self::import_physical), and are named no more.
    unsafe fn destroy_physical(&self, device: u32, pages: PhysicalId) -> Result<(), GpuError>;

    /// Maps pages to reserved addresses, for reading and writing on the device.
    ///
    /// # Safety
    ///
    /// The addresses are reserved, nothing is mapped there, and the pages are as many bytes.
    unsafe fn map(
        &self,
        device: u32,
        address: u64,
        bytes: usize,
        pages: PhysicalId,
    ) -> Result<(), GpuError>;

    /// Ends that.
    ///
    /// # Safety
    ///
    /// Mapped so, and nobody uses it.
    unsafe fn unmap(&self, device: u32, address: u64, bytes: usize) -> Result<(), GpuError>;

    /// A descriptor that other processes import the pages with.
    fn export_physical(&self, device: u32, pages: PhysicalId) -> Result<OwnedFd, GpuError>;

    /// The pages that another process exported.
    fn import_physical(&self, device: u32, descriptor: OwnedFd) -> Result<PhysicalId, GpuError>;

    /// The driver's own block that an address is in: its first byte, and its bytes.
    fn base_of(&self, device: u32, address: u64) -> Result<(u64, usize), GpuError>;

    /// What the driver knows of any address, whoever got it; `None` if it is no memory of its
    /// devices, nor of the processor as they use it.
    fn about(&self, address: u64) -> Result<Option<About>, GpuError>;

    /// What other processes open the driver's own block at `base` with.
    fn export(&self, device: u32, base: u64) -> Result<IpcBytes, GpuError>;

    /// The address here of a block that another process exported.
    ///
    /// # Safety
    ///
    /// The bytes are of [`export`](Self::export) in another process, which keeps the block
    /// until [`close`](Self::close).
    unsafe fn open(&self, device: u32, handle: &IpcBytes) -> Result<u64, GpuError>;

    /// Ends that.
    ///
    /// # Safety
    ///
    /// Opened so, and nobody uses it.
    unsafe fn close(&self, device: u32, address: u64) -> Result<(), GpuError>;

    /// Loads code for the device, in the driver's form of it: PTX text for CUDA.
    fn load(&self, device: u32, code: &[u8]) -> Result<ModuleId, GpuError>;

    /// Gives code back.
    ///
    /// # Safety
    ///
    /// Loaded so, and no kernel of it runs.
    unsafe fn unload(&self, device: u32, module: ModuleId) -> Result<(), GpuError>;

    /// A kernel of loaded code.
    fn function(&self, device: u32, module: ModuleId, name: &str) -> Result<FunctionId, GpuError>;

    /// Runs a kernel with arguments, each given by its address.
    ///
    /// # Safety
    ///
    /// The arguments are those that the kernel takes, and what it does with them is sound
    /// until the stream is done with it.
    unsafe fn launch(
        &self,
        device: u32,
        function: FunctionId,
        launch: Launch,
        arguments: &[*const c_void],
    ) -> Result<(), GpuError>;
}
