//! The hardware of ROCm.

use core::arch::amdgpu;
use core::intrinsics::gpu::amdgpu_dispatch_ptr;
use core::time::Duration;

use anymem_core::thread::Owner;

use crate::{GridModel, Hardware, Place, Rate};

/// The threads of a ROCm device, in a grid that a process started.
pub type RocmModel = GridModel<Rocm>;

impl RocmModel {
    /// The threads of a grid that `owner` started, on a device whose constant clock has this
    /// rate: `hipDeviceAttributeWallClockRate`, in kHz, which the host asks for.
    #[must_use]
    pub const fn new(owner: Owner, rate: Rate) -> Self {
        Self::of(Rocm { rate }, owner)
    }
}

/// A ROCm device.
#[derive(Debug, Clone, Copy)]
pub struct Rocm {
    rate: Rate,
}

/// The first fields of the packet by which a kernel was started
/// (`hsa_kernel_dispatch_packet_t`).
#[repr(C)]
struct Packet {
    header: u16,
    setup: u16,
    workgroup: [u16; 3],
    reserved: u16,
    /// In work-items.
    grid: [u32; 3],
}

unsafe extern "C" {
    #[link_name = "llvm.readsteadycounter"]
    safe fn ticks() -> u64;
}

impl Hardware for Rocm {
    #[inline]
    fn place(&self) -> Place {
        // SAFETY: a kernel's packet is there, and not written to, for as long as it runs.
        let packet = unsafe { &*amdgpu_dispatch_ptr().cast::<Packet>() };
        let threads = packet.workgroup.map(u32::from);
        let blocks = [0, 1, 2].map(|at| packet.grid[at].div_ceil(threads[at].max(1)));
        Place {
            block: [amdgpu::workgroup_id_x(), amdgpu::workgroup_id_y(), amdgpu::workgroup_id_z()],
            blocks,
            thread: [amdgpu::workitem_id_x(), amdgpu::workitem_id_y(), amdgpu::workitem_id_z()],
            threads,
        }
    }

    #[inline]
    fn nap(&self) {
        // Times 64 cycles.
        amdgpu::s_sleep::<8>();
    }

    #[inline]
    fn time(&self) -> Duration {
        self.rate.time(ticks())
    }
}
