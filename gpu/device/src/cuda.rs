//! The hardware of CUDA.

use core::arch::{asm, nvptx};
use core::time::Duration;

use anymem_core::thread::Owner;

use crate::{GridModel, Hardware, Place};

/// The threads of a CUDA device, in a grid that a process started.
pub type CudaModel = GridModel<Cuda>;

impl CudaModel {
    /// The threads of a grid that `owner` started.
    #[must_use]
    pub const fn new(owner: Owner) -> Self {
        Self::of(Cuda, owner)
    }
}

/// A CUDA device, from `sm_70` on.
#[derive(Debug, Clone, Copy)]
pub struct Cuda;

impl Hardware for Cuda {
    #[inline]
    fn place(&self) -> Place {
        // SAFETY: special registers, which every thread may read.
        unsafe {
            Place {
                block: [nvptx::_block_idx_x(), nvptx::_block_idx_y(), nvptx::_block_idx_z()],
                blocks: [nvptx::_grid_dim_x(), nvptx::_grid_dim_y(), nvptx::_grid_dim_z()],
                thread: [nvptx::_thread_idx_x(), nvptx::_thread_idx_y(), nvptx::_thread_idx_z()],
                threads: [nvptx::_block_dim_x(), nvptx::_block_dim_y(), nvptx::_block_dim_z()],
            }
        }
    }

    #[inline]
    fn nap(&self) {
        // SAFETY: no more than a pause. It is not said to leave memory alone, so what is read
        // in a loop around it is read anew.
        unsafe { asm!("nanosleep.u32 200;") }
    }

    #[inline]
    fn time(&self) -> Duration {
        let now: u64;
        // SAFETY: reads a special register.
        unsafe { asm!("mov.u64 {now}, %globaltimer;", now = out(reg64) now, options(nomem)) }
        Duration::from_nanos(now)
    }
}
