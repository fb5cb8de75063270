//! What a driver of devices has to be able to do.
//!
//! One trait for all vendors, of plain numbers: addresses, streams and events are the driver's
//! own, as words. Whoever uses the crate meets the safe types above it.

#[cfg(feature = "cuda")]
mod cuda;
#[cfg(feature = "hip")]
pub mod hip;
#[cfg(any(feature = "hip", feature = "level-zero"))]
mod library;
mod load;
mod model;
mod process;
#[cfg(feature = "sim")]
mod sim;
#[cfg(any(feature = "cuda", feature = "hip", feature = "level-zero"))]
mod table;

pub use load::{built, load};
pub use model::{
    Attributes, Direction, Driver, DriverKind, EventId, Function, FunctionId, IpcBytes, Launch,
    ModuleId, PhysicalId, StreamId,
};
pub(crate) use process::Process;
#[cfg(feature = "sim")]
pub use sim::SimDriver;
