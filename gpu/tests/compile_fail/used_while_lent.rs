//! What a stream has, the processor leaves alone until the scope ends.

use anymem::memory::{MemRead, MemSlice, MemWrite};
use anymem_gpu::{Device, GpuError, PinnedMemory};

fn too_early(device: &Device, numbers: &mut MemSlice<u32, PinnedMemory>) -> Result<(), GpuError> {
    device.scope(|scope| {
        let lent = scope.lend(numbers.view_mut());
        println!("{}", numbers.as_slice()[0]);
        drop(lent);
    })
}

fn main() {}
