//! What streams do.

use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::ptx::{Grid, Module};

/// Bytes of the processor, which a command will touch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostBytes(pub(crate) NonNull<u8>);

// SAFETY: whoever asked for the command has promised that they are there until it is done.
unsafe impl Send for HostBytes {}

/// Where the bytes of a copy are.
#[derive(Debug)]
pub(crate) enum Place {
    /// At an address of a device, which is looked up when the time has come.
    Device { device: u32, address: u64 },
    /// In the processor's memory.
    Host(HostBytes),
    /// They were read already.
    Staged(Vec<u8>),
}

/// What a stream does next.
pub(crate) enum Command {
    /// Nothing but to wait.
    Nothing,
    Copy {
        to: Place,
        from: Place,
        bytes: usize,
    },
    Fill {
        address: u64,
        byte: u8,
        bytes: usize,
    },
    Free {
        address: u64,
    },
    Launch {
        code: Arc<Module>,
        kernel: String,
        grid: Grid,
        arguments: Vec<u64>,
    },
    Call(Box<dyn FnOnce() + Send>),
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "wait",
            Self::Copy { .. } => "copy",
            Self::Fill { .. } => "fill",
            Self::Free { .. } => "free",
            Self::Launch { .. } => "launch",
            Self::Call(_) => "call",
        })
    }
}
