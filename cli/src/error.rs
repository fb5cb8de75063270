//! What can go wrong, each with what to do about it.

use std::io;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};

use anymem::allocator::AllocError;
use anymem::container::ContainerError;
use anymem::{HeapError, RootValueError, Size};
use thiserror::Error;

/// Why a command did not do what it was asked to.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Heap(#[from] HeapError),
    #[error(transparent)]
    Root(#[from] RootValueError),
    #[error(transparent)]
    Container(#[from] ContainerError),
    #[error("the segment of {size} is full: use a larger --size")]
    SegmentFull { size: Size },
    #[error("no space is left where segments live (/dev/shm): free some, or count fewer files")]
    NoSpace,
    #[error("cannot read {path:?}: {error}; check the path")]
    BadPath { path: PathBuf, error: io::Error },
    #[error("cannot start a worker process: {0}")]
    CannotStart(io::Error),
    #[error("cannot watch a worker process: {0}")]
    CannotWatch(io::Error),
    #[error("cannot listen to signals: {0}")]
    NoSignals(io::Error),
    #[error("worker {index} (process {pid}) ended with {status}: the count is incomplete")]
    WorkerFailed { index: u32, pid: u32, status: ExitStatus },
    #[error("{path:?} changed while it was counted, and its worker died meanwhile: count again")]
    FileChanged { path: PathBuf },
    #[error("{files} files were not counted although all workers ended well: report this")]
    Unfinished { files: u64 },
    #[error("this worker's process has not made the segment {name:?}: run `anymem demo`")]
    NotTheParent { name: String },
    #[error("ended by {}", signal_name(*.0))]
    Signalled(i32),
    #[error("{name:?} was cut off while it was used: what was in it is lost, remove it")]
    CutOff { name: String },
    #[error("{name:?} is not a segment: nothing was removed")]
    NotASegment { name: String },
    #[error("{count} of the names were not removed")]
    NotRemoved { count: usize },
    #[error("cannot write the map to {path:?}: {error}; check the path")]
    MapNotWritten { path: PathBuf, error: io::Error },
    #[error("cannot write the output: {0}")]
    Output(io::Error),
}

impl CliError {
    /// What is wrong when a call on the segment's contents fails.
    pub(crate) fn of_segment(error: ContainerError, size: Size) -> Self {
        match error {
            ContainerError::Alloc(AllocError::Full { .. } | AllocError::TooLarge { .. }) => {
                Self::SegmentFull { size }
            }
            ContainerError::Alloc(AllocError::NoSpace(_)) => Self::NoSpace,
            error => Self::Container(error),
        }
    }

    /// The same, for what may have failed for other reasons.
    pub(crate) fn in_segment(self, size: Size) -> Self {
        match self {
            Self::Container(error) => Self::of_segment(error, size),
            other => other,
        }
    }

    /// Whether nobody reads what is written, as behind `| head`.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// 1, or for signals what shells give.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Signalled(signal) => ExitCode::from(128_u8.saturating_add(*signal as u8)),
            _ => ExitCode::FAILURE,
        }
    }
}

fn signal_name(signal: i32) -> &'static str {
    signal_hook::low_level::signal_name(signal).unwrap_or("a signal")
}
