//! Why something could not be done on a device.

use anymem::ipc::IpcError;
use anymem_core::memory::MemoryError;

use crate::driver::{DriverKind, Function};

/// Why a device did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// The driver's library is not on this machine.
    #[error(
        "there is no {driver} driver here: {library} was not found; install the driver of the device, or use another memory"
    )]
    NoDriver {
        /// Whose driver.
        driver: DriverKind,
        /// The libraries that were looked for.
        library: &'static str,
    },
    /// The program was built without what calls that driver.
    #[error(
        "this program was built without {driver}: enable the feature `{feature}` of anymem-gpu"
    )]
    NotBuilt {
        /// Whose driver.
        driver: DriverKind,
        /// The feature that has it.
        feature: &'static str,
    },
    /// The driver is there, but does not start.
    #[error("the {driver} driver cannot be used (error {code}): {why}")]
    Unusable {
        /// Whose driver.
        driver: DriverKind,
        /// Its number for that.
        code: i32,
        /// What is wrong, and what to do.
        why: &'static str,
    },
    /// The driver is older than what this needs.
    #[error(
        "the {driver} driver is of version {found}, and {needed} is needed: install a newer one"
    )]
    DriverTooOld {
        /// Whose driver.
        driver: DriverKind,
        /// Its version, as the driver counts.
        found: u32,
        /// The oldest that does.
        needed: u32,
    },
    /// The driver has no such function.
    #[error("the {driver} driver has no {symbol}: install a newer one")]
    SymbolMissing {
        /// Whose driver.
        driver: DriverKind,
        /// The function.
        symbol: &'static str,
    },
    /// The driver is there, but no device that it could use.
    #[error("the {driver} driver found no device: look whether one is visible to this process")]
    NoDevice {
        /// Whose driver.
        driver: DriverKind,
    },
    /// There are fewer devices.
    #[error("device {asked} was asked for, and there are {found}")]
    WrongDevice {
        /// The number that was asked for.
        asked: u32,
        /// How many there are.
        found: u32,
    },
    /// An address is of another device, or of none.
    #[error("address {address:#x} is none of device {device}")]
    WrongAddress {
        /// The device that was asked.
        device: u32,
        /// The address.
        address: u64,
    },
    /// Elements that are not there were asked for.
    #[error("{asked} elements were asked for, and there are {found}")]
    OutOfRange {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        found: usize,
    },
    /// The device has no room for the block.
    #[error(
        "{asked} bytes were asked for, {free} of {total} are free, and this process holds {held}: free some, or trim its pools"
    )]
    OutOfMemory {
        /// Bytes that were asked for.
        asked: usize,
        /// Bytes of the device that are free; 0 if it does not tell.
        free: usize,
        /// Bytes that the device has; 0 if it does not tell.
        total: usize,
        /// Bytes that this process has of it through this crate.
        held: usize,
    },
    /// A pool may not have more of the device.
    #[error(
        "{asked} bytes more were asked for by a pool that has {held} and may have {limit}: free some, trim it, or raise its limit"
    )]
    Limit {
        /// Bytes that were asked for.
        asked: usize,
        /// The most that it may have.
        limit: usize,
        /// Bytes that it has.
        held: usize,
    },
    /// A pool has no live block there.
    #[error(
        "no block of the pool starts at {address:#x}: it was freed before, or comes from elsewhere"
    )]
    NotABlock {
        /// The address.
        address: u64,
    },
    /// The part of a pool that stands in the processor's memory failed.
    #[error(transparent)]
    Pool(#[from] anymem::pool::PoolError),
    /// The process was forked since the driver was loaded; drivers do not live through that.
    #[error(
        "this process was forked after the driver was loaded: use the device in the parent, or start the child anew"
    )]
    Forked,
    /// What the device did before failed, and its context with it.
    #[error("the context of device {device} is lost (error {code}): start the process anew")]
    ContextLost {
        /// The device.
        device: u32,
        /// The driver's number of what happened first.
        code: i32,
    },
    /// The device, or its driver, cannot do this.
    #[error("device {device} has no {what}")]
    Unsupported {
        /// The device.
        device: u32,
        /// What it does not have.
        what: &'static str,
    },
    /// The memory is another driver's.
    #[error(
        "the memory is the {found}'s, and the device the {asked}'s: open it on one of its own driver"
    )]
    WrongDriver {
        /// Whose device was given.
        asked: DriverKind,
        /// Whose memory it is.
        found: DriverKind,
    },
    /// Memory could not be passed between processes.
    #[error(transparent)]
    Ipc(IpcError),
    /// The driver refused a call.
    #[error("{function} failed with {code}")]
    Driver {
        /// The driver's function.
        function: Function,
        /// The driver's number for what is wrong.
        code: i32,
    },
}

impl From<IpcError> for GpuError {
    fn from(error: IpcError) -> Self {
        match error {
            IpcError::Forked => Self::Forked,
            error => Self::Ipc(error),
        }
    }
}

/// What memories say for an error without a number of the driver's.
const NO_CODE: i32 = -1;

impl GpuError {
    /// What a memory says for it that was asked for so many bytes.
    pub(crate) fn of_memory(&self, requested: usize) -> MemoryError {
        match self {
            Self::OutOfMemory { .. } | Self::Limit { .. } => MemoryError::OutOfMemory { requested },
            Self::WrongAddress { .. } => MemoryError::BadAddress,
            Self::Unsupported { .. } | Self::SymbolMissing { .. } => MemoryError::Unsupported,
            Self::Driver { code, .. } | Self::ContextLost { code, .. } => {
                MemoryError::Backend { code: *code }
            }
            _ => MemoryError::Backend { code: NO_CODE },
        }
    }
}
