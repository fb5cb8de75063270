//! What cudarc's users do: a slice for each block, on a stream.

use std::sync::Arc;

use cudarc::driver::{CudaSlice, CudaStream};

use super::{blocks::Blocks, target::Target};

/// A stream of cudarc's.
pub(super) struct Cudarc(Arc<CudaStream>);

impl Cudarc {
    /// The default stream of the device; an error tells why there is none.
    pub(super) fn new(target: &Target) -> Result<Self, String> {
        Ok(Self(target.context()?.default_stream()))
    }
}

impl Blocks for Cudarc {
    type Block = CudaSlice<u8>;

    fn take(&self, bytes: usize) -> Result<CudaSlice<u8>, String> {
        // SAFETY: nobody reads the bytes.
        unsafe { self.0.alloc(bytes) }.map_err(|error| format!("cudarc: {error:?}"))
    }

    fn give(&self, block: CudaSlice<u8>) -> Result<(), String> {
        drop(block);
        Ok(())
    }
}
