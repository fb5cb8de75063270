//! What cudarc's users do: a slice for each block, on a stream.

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaSlice, CudaStream};

use super::{blocks::Blocks, target::Target};

/// A stream of cudarc's.
pub(super) struct Cudarc(Arc<CudaStream>);

impl Cudarc {
    /// A stream of the first device; an error tells why there is none.
    pub(super) fn new() -> Result<Self, String> {
        // It would panic without one.
        Target::has_cuda()?;
        let context = CudaContext::new(0).map_err(|error| format!("cudarc: {error:?}"))?;
        Ok(Self(context.default_stream()))
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
