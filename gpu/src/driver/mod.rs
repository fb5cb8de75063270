//! What a driver of devices has to be able to do.
//!
//! One trait for all vendors, of plain numbers: addresses, streams and events are the driver's
//! own, as words. Whoever uses the crate meets the safe types above it.
//!
//! A driver's library is looked for when it is first [asked for](load()), never before, and a
//! program runs as well where there is none.
//!
//! # What has run where
//!
//! | driver | on its own hardware | in software, under its library's names | its real library, without a device |
//! |---|---|---|---|
//! | CUDA | nothing yet | all of [`Driver`] | nothing: it comes with the hardware |
//! | HIP | nothing yet | all of [`Driver`] but launches of PTX | starting, and its errors |
//! | Level Zero | nothing yet | all of [`Driver`] but launches of PTX | starting, and its errors |
//!
//! "In software" is the device of `anymem-gpu-sim`, behind a shared library that a process loads
//! instead of the vendor's: so what is called, how, and what becomes of errors is tested; what
//! real hardware does is not.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "hip")]
pub mod hip;
mod host;
#[cfg(feature = "level-zero")]
pub mod level_zero;
#[cfg(any(feature = "hip", feature = "level-zero"))]
mod library;
mod load;
mod model;
mod process;
#[cfg(feature = "sim")]
mod sim;
#[cfg(any(feature = "cuda", feature = "hip", feature = "level-zero"))]
mod table;

pub(crate) use host::page_size;
pub use load::{built, load};
pub use model::{
    About, Attributes, Direction, Driver, DriverKind, EventId, Function, FunctionId, IpcBytes,
    Launch, ModuleId, PhysicalId, StreamId,
};
pub(crate) use process::Process;
#[cfg(feature = "sim")]
pub use sim::SimDriver;
