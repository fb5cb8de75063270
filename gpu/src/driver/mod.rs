//! What a driver of devices has to be able to do.
//!
//! One trait for all vendors, of plain numbers: addresses, streams and events are the driver's
//! own, as words. Whoever uses the crate meets the safe types above it.

#[cfg(feature = "cuda")]
mod cuda;
mod load;
mod model;
mod process;
pub(crate) use process::Process;
#[cfg(feature = "sim")]
pub use sim::SimDriver;

pub use load::{built, load};
pub use model::{
    Attributes, Direction, Driver, DriverKind, EventId, Function, FunctionId, IpcBytes, Launch,
    ModuleId, PhysicalId, StreamId,
};
pub(crate) use process::Process;
#[cfg(feature = "sim")]
pub use sim::SimDriver;
