//! An address of the host is none of a device.

use core::alloc::Layout;

use anymem_core::memory::{ArrayMemory, Memory, SimMemory};

fn main() {
    let mut array = [0; 4096];
    let host = ArrayMemory::new(&mut array);
    let device = SimMemory::new(&host, 1024, 0).unwrap();
    let layout = Layout::new::<u64>();
    let address = host.allocate(layout).unwrap();
    // SAFETY: there is none, and so it must not compile.
    unsafe { device.free(address, layout) };
}
