//! What is wrong with a text, or with what its kernels did.

/// Why a text was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PtxError {
    /// The line, from 1 on.
    pub line: u32,
    /// What is wrong there.
    pub what: Complaint,
}

/// What is wrong in a line of a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Complaint {
    /// A directive, instruction or type that this device does not have.
    #[error("this device has no {0}")]
    Unknown(String),
    /// Something else was to stand there.
    #[error("{found:?} stands where {wanted} should")]
    Expected {
        /// What should stand there.
        wanted: &'static str,
        /// What stands there; nothing at the end of the text.
        found: String,
    },
    /// A register, label, parameter or function that is not declared before.
    #[error("{0} is not declared")]
    Undeclared(String),
    /// A register is of another size than the instruction.
    #[error("{0} is not as large as the instruction's type")]
    Size(String),
    /// A function is called with more or fewer values than it takes, or gives.
    #[error("{0} takes or gives another number of values")]
    Values(String),
}

/// Why a kernel was not run, or did not end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// It takes more or fewer arguments.
    #[error("{found} arguments were given, and the kernel takes {needed}")]
    Arguments {
        /// How many were given.
        found: usize,
        /// How many it takes.
        needed: usize,
    },
    /// A grid without threads, or with more in a block than 1024.
    #[error("a grid of {blocks:?} blocks of {threads:?} threads cannot be")]
    Grid {
        /// Its blocks.
        blocks: [u32; 3],
        /// Threads in each.
        threads: [u32; 3],
    },
    /// A thread failed, and all of the launch with it.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A thread that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("thread {thread}, line {line}: {reason}")]
pub struct Fault {
    /// The thread's number in the grid.
    pub thread: u64,
    /// The line of the text.
    pub line: u32,
    /// Why.
    pub reason: Reason,
}

/// Why a thread failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It used an address that is none of the device.
    #[error("an access of {bytes} bytes at {address:#x}, which is no memory of the device")]
    Address {
        /// The address.
        address: u64,
        /// How many bytes.
        bytes: usize,
    },
    /// It used an address that is no multiple of the size.
    #[error("an access of {bytes} bytes at {address:#x}, which is no multiple of that")]
    Misaligned {
        /// The address.
        address: u64,
        /// How many bytes.
        bytes: usize,
    },
    /// It did not end.
    #[error("no end after {steps} instructions")]
    Endless {
        /// How many instructions it had.
        steps: u64,
    },
    /// Functions called functions too deep.
    #[error("calls are too deep")]
    TooDeep,
}
