//! What comes of a kernel is not to be read before the scope ends.

use anymem::container::ShmVec;
use anymem_gpu::Stream;
use anymem_gpu::kernels::{Call, HeapOnDevice, KernelError, Pending};

fn too_early(
    stream: &Stream,
    heap: HeapOnDevice<'_>,
    numbers: &ShmVec<u64>,
    pending: &mut Pending<'_>,
) -> Result<(), KernelError> {
    stream.scope(|scope| {
        pending.launch(scope, Call::vec_sum(heap, numbers)?)?;
        pending.outcome().map(drop)
    })?
}

fn main() {}
