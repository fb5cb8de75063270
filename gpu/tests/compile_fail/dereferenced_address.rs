//! The processor cannot use an address of a device.

use anymem_gpu::DeviceAddress;

fn read(address: DeviceAddress) -> u8 {
    // SAFETY: there is none, and so it must not compile.
    unsafe { *address }
}

fn main() {}
