//! Why the device did not do what it was asked for.

use crate::ptx::PtxError;

/// What a command did that a device does not survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trap {
    /// It touched an address that is none of the device's, or wrote to one that it may only read.
    #[error("illegal address {address:#x}")]
    IllegalAddress {
        /// The address.
        address: u64,
    },
    /// It touched an address that is no multiple of what it touched there.
    #[error("misaligned address {address:#x}")]
    Misaligned {
        /// The address.
        address: u64,
    },
    /// Functions of the kernel called functions too deep.
    #[error("calls are too deep")]
    TooDeep,
    /// The kernel did not end within the steps that it was allowed.
    #[error("the kernel did not end")]
    Endless,
    /// The test wanted it so.
    #[error("lost on purpose")]
    OnPurpose,
}

/// Why the device did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// There are fewer devices.
    #[error("device {asked} was asked for, and there are {found}")]
    NoSuchDevice {
        /// The number that was asked for.
        asked: u32,
        /// How many there are.
        found: u32,
    },
    /// The device has no room.
    #[error("{asked} bytes were asked for, {free} of {total} are free")]
    OutOfMemory {
        /// Bytes that were asked for.
        asked: usize,
        /// Bytes that are free.
        free: usize,
        /// Bytes that the device has.
        total: usize,
    },
    /// An address is not what the call takes: no block starts there, or it has fewer bytes.
    #[error("{address:#x} is no such address of the device")]
    WrongAddress {
        /// The address.
        address: u64,
    },
    /// A size, or another number, is not what the call takes.
    #[error("{what} is wrong")]
    Invalid {
        /// Which.
        what: &'static str,
    },
    /// A stream, event, module, function or physical memory is not known.
    #[error("there is no such {what}")]
    NoSuch {
        /// What was named.
        what: &'static str,
    },
    /// The code has no kernel of that name.
    #[error("the code has no such kernel")]
    NoSuchKernel,
    /// Host memory, or a page of it, is registered already.
    #[error("{address:#x} is registered already")]
    AlreadyRegistered {
        /// The address that was asked for.
        address: u64,
    },
    /// Host memory is not registered.
    #[error("{address:#x} is not registered")]
    NotRegistered {
        /// The address that was asked for.
        address: u64,
    },
    /// A handle of another process leads to nothing.
    #[error("the handle leads to nothing: {what}")]
    WrongHandle {
        /// Why.
        what: &'static str,
    },
    /// The options say that the device cannot do this.
    #[error("the device has no {what}")]
    Unsupported {
        /// What it does not have.
        what: &'static str,
    },
    /// The code is not what the device runs.
    #[error("the code is not understood: {0}")]
    Code(#[from] PtxError),
    /// A command failed before, and the device with it.
    #[error("device {device} is lost: {cause}")]
    Lost {
        /// The device.
        device: u32,
        /// What happened first.
        cause: Trap,
    },
    /// This is a child of the process that has the device.
    #[error("the process was forked, and a device does not live through that")]
    Forked,
    /// The system refused what the device is made of.
    #[error("{call} failed with {code}")]
    System {
        /// The system's function.
        call: &'static str,
        /// Its number for what is wrong.
        code: i32,
    },
}

impl SimError {
    /// What a call of the system that failed is told as.
    pub(crate) fn system(call: &'static str) -> impl Fn(rustix::io::Errno) -> Self {
        move |error| Self::System { call, code: error.raw_os_error() }
    }
}

impl Trap {
    /// CUDA's number for it.
    pub fn code(self) -> i32 {
        match self {
            Self::IllegalAddress { .. } => 700,
            Self::Misaligned { .. } => 716,
            Self::Endless => 702,
            Self::TooDeep | Self::OnPurpose => 719,
        }
    }
}

impl SimError {
    /// CUDA's number for it.
    pub fn code(&self) -> i32 {
        match self {
            Self::WrongAddress { .. } | Self::Invalid { .. } => 1,
            Self::OutOfMemory { .. } => 2,
            Self::Forked => 3,
            Self::NoSuchDevice { .. } => 101,
            Self::Code(_) => 218,
            Self::System { .. } => 304,
            Self::NoSuch { .. } | Self::WrongHandle { .. } => 400,
            Self::NoSuchKernel => 500,
            Self::AlreadyRegistered { .. } => 712,
            Self::NotRegistered { .. } => 713,
            Self::Unsupported { .. } => 801,
            Self::Lost { cause, .. } => cause.code(),
        }
    }
}
