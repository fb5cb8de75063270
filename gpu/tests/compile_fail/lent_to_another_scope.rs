//! What one stream has, another one does not copy.

use anymem::memory::{MemSlice, MemWrite};
use anymem_gpu::{Device, DeviceMemory, GpuError};

type Numbers = MemSlice<u32, DeviceMemory>;

fn at_once(device: &Device, to: &mut Numbers, from: &mut Numbers) -> Result<(), GpuError> {
    device.scope(|first| {
        let mut to = first.lend(to.view_mut());
        let from = first.lend(from.view_mut());
        device.scope(|second| second.assign(&mut to, &from).map(drop))
    })???;
    Ok(())
}

fn main() {}
