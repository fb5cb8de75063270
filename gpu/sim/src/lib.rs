//! A GPU in software.
//!
//! A [`Machine`] has [devices](Device) that do what drivers of GPUs ask of theirs, so that
//! what is built on a driver can be tested, and what it costs on the processor's side
//! measured, where there is no GPU.
//!
//! # Like the real thing
//!
//! - The processor gets SIGSEGV when it touches memory of a device: only copies, fills and
//!   kernels reach it.
//! - A device has so many bytes, and no more: beyond them is [`SimError::OutOfMemory`].
//! - Commands on a stream are done in order, and only then: [`Completion`] says when. Events,
//!   waits between streams and devices, blocking streams and the default stream as CUDA has them.
//! - Addresses of a command are looked up when it is done. One that is not there any more loses
//!   the device, for good: every later call fails with [`SimError::Lost`].
//! - Host memory that is not pinned is staged, as CUDA does; pinned and registered memory is
//!   read and written when the command is done.
//! - Host memory is registered by whole pages, once, and writable unless said otherwise. Its
//!   address on the device may be another one.
//! - Blocks are opened in other processes by plain bytes; physical memory goes there by
//!   descriptors. Both stay when the process that made them dies.
//! - Kernels are PTX text, and run on several threads of the processor with its atomics; see
//!   [`ptx`].
//! - A child of a fork has no device.
//!
//! # Unlike it
//!
//! - Each process has the devices for itself: what others take of their memory is not seen.
//! - New memory is zero, where a GPU shows what was there before.
//! - A block is a file's pages for itself: small ones take a page, and opened ones start where
//!   they start for their owner.
//! - A device finds addresses of its own alone; CUDA copies between all of its devices without
//!   being told.
//! - What other processes open is not kept from being freed, as with CUDA; then they see zeros,
//!   or somebody else's bytes.
//! - A descriptor of physical memory can be mapped by the processor.
//! - It takes the time it takes.

mod arena;
mod call;
mod command;
pub mod environment;
mod error;
mod host;
mod machine;
mod mapping;
mod meter;
mod options;
mod physical;
pub mod ptx;
mod queues;
mod space;
mod turns;
mod view;

pub use call::Call;
pub use error::{SimError, Trap};
pub use machine::{
    About, Device, Event, Function, IpcHandle, Machine, Module, Owner, Pages, Side, Stream,
};
pub use options::{Completion, Options};
pub use ptx::Grid;
pub use space::Access;
