//! Kernels in which anymem's core runs on the device, with its threads as the thread model.

#![no_std]
#![feature(abi_gpu_kernel)]
#![cfg_attr(target_arch = "amdgpu", feature(stdarch_amdgpu))]
#![cfg_attr(target_arch = "nvptx64", feature(stdarch_nvptx))]

mod work;

#[cfg(target_arch = "amdgpu")]
use core::num::NonZeroU32;
use core::panic::PanicInfo;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

use anymem_core::offset::Offset;
use anymem_core::sync::{Arena, Bytes};
use anymem_core::thread::{Owner, ThreadModel};
#[cfg(target_arch = "nvptx64")]
use anymem_gpu_device::CudaModel;
#[cfg(target_arch = "amdgpu")]
use anymem_gpu_device::{Rate, RocmModel};

/// What the host tells all kernels, in memory that the device can read: where the heap is on the
/// device, how long it is, who started the kernel, and the rate of the device's clock, for which
/// CUDA's kernels have no use.
#[repr(C)]
pub struct Given {
    base: Option<NonNull<u8>>,
    len: usize,
    start: u64,
    pid: u32,
    khz: u32,
}

impl Given {
    #[cfg(target_arch = "nvptx64")]
    fn model(&self) -> impl ThreadModel {
        CudaModel::new(Owner { pid: self.pid, start: self.start })
    }

    #[cfg(target_arch = "amdgpu")]
    fn model(&self) -> impl ThreadModel {
        let khz = NonZeroU32::new(self.khz).unwrap_or(NonZeroU32::MIN);
        RocmModel::new(Owner { pid: self.pid, start: self.start }, Rate::khz(khz))
    }

    /// # Safety
    ///
    /// `base..base + len` is a heap on the device for as long as the kernel runs.
    unsafe fn heap(&self) -> Option<Bytes<'_>> {
        // SAFETY: that is what the caller promises.
        self.base.map(|base| unsafe { Bytes::new(base, self.len) })
    }
}

/// Each thread counts itself.
///
/// # Safety
///
/// `given` is, for as long as the kernel runs, a value that tells of [a heap](Given::heap).
#[unsafe(no_mangle)]
pub unsafe extern "gpu-kernel" fn anymem_rust_count(
    given: *const Given,
    lock: usize,
    count: usize,
) {
    // SAFETY: that is what the host promises.
    let given = unsafe { &*given };
    // SAFETY: likewise.
    let Some(heap) = (unsafe { given.heap() }) else { return };
    work::count(heap, Offset::new(lock), Offset::new(count), &given.model());
}

/// Each thread puts its number into a ring of 2 to the power of `log` slots.
///
/// # Safety
///
/// `given` is, for as long as the kernel runs, a value that tells of [a heap](Given::heap).
#[unsafe(no_mangle)]
pub unsafe extern "gpu-kernel" fn anymem_rust_push(given: *const Given, ring: usize, log: u32) {
    // SAFETY: that is what the host promises.
    let given = unsafe { &*given };
    // SAFETY: likewise.
    let Some(heap) = (unsafe { given.heap() }) else { return };
    let model = given.model();
    if let Some(ring) = work::Numbers::new(&heap, Offset::new(ring), log) {
        ring.push(model.thread_id().0 as usize, &model);
    }
}

/// Each thread allocates a block, and writes where it is to its word after `blocks`.
///
/// # Safety
///
/// `given` is, for as long as the kernel runs, a value that tells of [a heap](Given::heap).
#[unsafe(no_mangle)]
pub unsafe extern "gpu-kernel" fn anymem_rust_allocate(given: *const Given, blocks: usize) {
    // SAFETY: that is what the host promises.
    let given = unsafe { &*given };
    // SAFETY: likewise.
    let Some(heap) = (unsafe { given.heap() }) else { return };
    let model = given.model();
    let own = Offset::new(blocks.wrapping_add(model.thread_id().0 as usize * size_of::<usize>()));
    // SAFETY: likewise.
    let block = unsafe { work::allocate(heap, model) };
    heap.word(own).store(block.get(), Relaxed);
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[cfg(target_arch = "nvptx64")]
    // SAFETY: ends the kernel.
    unsafe {
        core::arch::nvptx::trap()
    }
    #[cfg(target_arch = "amdgpu")]
    core::arch::amdgpu::s_sethalt::<1>()
}

/// What core calls of a C library; there is none to link.
///
/// # Safety
///
/// Both are `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(first: *const u8, second: *const u8, len: usize) -> i32 {
    for at in 0..len {
        // SAFETY: so many bytes are there.
        let (one, other) = unsafe { (*first.add(at), *second.add(at)) };
        if one != other {
            return i32::from(one) - i32::from(other);
        }
    }
    0
}
