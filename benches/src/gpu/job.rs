//! What a device's memory is made to do.

use core::fmt;

/// What a device's memory is made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Blocks come and go.
    Blocks(Shape),
    /// One block of pinned memory that is always free again.
    Pinned,
    /// 64 MiB go to the device, or come from it.
    Copy(Copy),
    /// Opens a block of another process whose memory is open already.
    IpcCached,
    /// Threads of the device do something in a heap that the processor made.
    Kernel(Kernel),
}

/// How blocks come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One of 4 KiB that is always free again.
    Pair,
    /// The same by two threads that share one stream's pool.
    PairThreads,
    /// Replaced at random, of 256 bytes to 1 MiB, with so many live.
    Random(usize),
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copy {
    /// To the device.
    To,
    /// From the device.
    From,
}

/// What threads of the device do in a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// One follows a list.
    Walk,
    /// Each takes nodes from an arena, and links them.
    Take,
    /// Each pushes to a queue.
    Push,
}

impl Job {
    /// All of them, in the order of the table's rows.
    pub const ALL: [Self; 11] = [
        Self::Blocks(Shape::Pair),
        Self::Blocks(Shape::PairThreads),
        Self::Blocks(Shape::Random(1000)),
        Self::Blocks(Shape::Random(10_000)),
        Self::Pinned,
        Self::Copy(Copy::To),
        Self::Copy(Copy::From),
        Self::IpcCached,
        Self::Kernel(Kernel::Walk),
        Self::Kernel(Kernel::Take),
        Self::Kernel(Kernel::Push),
    ];
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocks(Shape::Pair) => f.write_str("pair"),
            Self::Blocks(Shape::PairThreads) => f.write_str("threads/pair"),
            Self::Blocks(Shape::Random(live)) => write!(f, "random/{}k", live / 1000),
            Self::Pinned => f.write_str("pinned/pair"),
            Self::Copy(Copy::To) => f.write_str("copy/to"),
            Self::Copy(Copy::From) => f.write_str("copy/from"),
            Self::IpcCached => f.write_str("ipc/cached"),
            Self::Kernel(Kernel::Walk) => f.write_str("kernel/walk"),
            Self::Kernel(Kernel::Take) => f.write_str("kernel/take"),
            Self::Kernel(Kernel::Push) => f.write_str("kernel/push"),
        }
    }
}
