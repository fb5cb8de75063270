//! Nor is it freed before: not even what was made within the scope.

use anymem::memory::{MemSlice, MemWrite};
use anymem_gpu::{Device, GpuError, PinnedMemory};

fn too_early(device: &Device) -> Result<(), GpuError> {
    let pinned = PinnedMemory::new(device);
    device.scope(|scope| {
        let mut numbers = MemSlice::<u32, _>::zeroed(100, &pinned).unwrap();
        scope.lend(numbers.view_mut());
    })
}

fn main() {}
