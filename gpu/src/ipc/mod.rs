//! Blocks of devices' memory in other processes.
//!
//! | | what it does |
//! |---|---|
//! | [`get`] | a handle of a block, which others can open from then on |
//! | [`StreamPool::share`](crate::pool::StreamPool::share) | the same of a pool's block |
//! | [`anymem::ipc::put`] | puts a handle back; with the last one the block is offered no more |
//! | [`open`] | the block in this process, for as long as the [`OpenedBlock`] lives |
//! | [`settle`], [`waiting`] | memory that others had open when it was given back |
//! | [`anymem::ipc::trim`] | closes what is kept open without need |
//!
//! Handles are those of [`anymem::ipc`]: 64 bytes of plain data, which can be sent as bytes or
//! stand in a shared heap, and say which block of which of the driver's blocks they are of, and
//! in which generation. What is said there of valid handles, of trust, and of how memory is
//! found holds here as well: memory of a device has a file that [stands
//! in](anymem::ipc::StandIn) for it.
//!
//! # Opening
//!
//! The driver's block is opened once for each device that it is opened on, whatever blocks of it
//! are opened how often, and kept until others push it out (setting `ipc.max_opened_handles`) or
//! [`trim`](anymem::ipc::trim) is called. So opening again takes neither a lock nor a system
//! call, nor one of the driver. Pages that are mapped by the driver's virtual memory management,
//! which have no handle, are imported by descriptors, which are taken from the process that
//! offers them or come from its [`Handover`](anymem::ipc::Handover): one for each chunk that a
//! block is in, of which there can be [256](anymem::ipc::StandIn::DESCRIPTORS), and the chunks
//! are mapped one behind the other.
//!
//! # When memory goes
//!
//! A block that is freed while others have it open is offered no more, and goes back only when
//! nobody has it open: when the last [`OpenedBlock`] is dropped, or its process has ended,
//! however that was. A block that the driver itself gave out also waits until no process keeps
//! it open without need; they are asked to let go of it. Memory that waits is looked after by
//! whatever is offered or given back next, and by [`settle`].
//!
//! When the process that offers memory ends, the memory may be gone ([`owner_lives`] tells),
//! and what is done there fails, but for pages, which stay.
//!
//! [`owner_lives`]: OpenedBlock::owner_lives

mod imports;
mod mapping;
mod opened;

use anymem::ipc::IpcHandle;

pub use self::opened::OpenedBlock;
use crate::memory::DeviceAddress;
use crate::{Device, GpuError, offers};

/// A handle of `len` bytes in a block that the driver gave out: to
/// [`DeviceMemory`](crate::DeviceMemory), say.
///
/// Others can open it until it was [put back](anymem::ipc::put) once for each time that it was
/// got, or the block was freed by what it was allocated by.
///
/// # Errors
///
/// [`WrongAddress`](GpuError::WrongAddress) if the driver has no such block, what it says to the
/// wish for a handle, and [`Ipc`](GpuError::Ipc) for what is not of the driver.
///
/// # Examples
///
/// ```
/// use std::alloc::Layout;
///
/// use anymem::memory::Memory;
/// use anymem_gpu::driver::DriverKind;
/// use anymem_gpu::{Device, DeviceMemory, ipc};
///
/// # let device = Device::with_driver(
/// #     anymem_gpu::driver::SimDriver::new(anymem_gpu_sim::Options::default())?, 0)?;
/// # stringify! {
/// let device = Device::open(DriverKind::Cuda, 0)?;
/// # };
/// let memory = DeviceMemory::new(&device)?;
/// let layout = Layout::new::<[u64; 100]>();
/// let block = memory.allocate(layout)?;
/// let handle = ipc::get(&device, block, layout.size())?;
/// // … in another process, with the 64 bytes of the handle …
/// let opened = ipc::open(&device, &handle)?;
/// opened.write(8, &[7_u64, 8])?;
/// let mut numbers = [0_u64; 2];
/// opened.read(8, &mut numbers)?;
/// assert_eq!(numbers, [7, 8]);
/// # drop(opened);
/// # // SAFETY: nobody uses it.
/// # unsafe { memory.free(block, layout) };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn get(device: &Device, block: DeviceAddress, len: usize) -> Result<IpcHandle, GpuError> {
    offers::get(device, block.number(), len)
}

/// Opens a block of another process, or of this one, on a device of this process.
///
/// # Errors
///
/// [`Ipc`](GpuError::Ipc) if the handle is none, or valid no more, or its memory cannot be had;
/// [`WrongDriver`](GpuError::WrongDriver) if it is memory of another driver's;
/// [`Forked`](GpuError::Forked); what the driver says.
#[inline]
pub fn open(device: &Device, handle: &IpcHandle) -> Result<OpenedBlock, GpuError> {
    OpenedBlock::open(device, handle)
}

/// Gives memory back that waited for others, and that nobody has open any more; how many blocks.
pub fn settle() -> usize {
    offers::settle()
}

/// How many blocks that were given back wait for others who have them open.
#[must_use]
pub fn waiting() -> usize {
    offers::waiting()
}
