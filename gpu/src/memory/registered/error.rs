//! Why memory could not be registered.

use anymem_core::backend::CommitError;

use crate::GpuError;

/// Why shared memory could not be registered with a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// There is no space for all of it, and the device needs all of it.
    #[error("all of it has to be in memory for a device: {0}")]
    NoSpace(#[from] CommitError),
    /// The heap gives memory back, and the device would go on using what it had.
    #[error(
        "heap {name:?} gives free memory back, which a device would not notice: create it with `HeapOptions::resident`"
    )]
    NotResident {
        /// The heap.
        name: String,
    },
    /// What the device's driver says.
    #[error(transparent)]
    Gpu(#[from] GpuError),
}
