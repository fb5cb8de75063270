//! The threads of a GPU as anymem's: for kernels that are written in Rust.
//!
//! With these models `anymem-core` itself runs on the device, compiled for it: the heaps, locks
//! and rings in shared memory that the processor's programs use, by the same code.
//!
//! | model | target | thread | lets others run | clock |
//! |---|---|---|---|---|
//! | `CudaModel` | `nvptx64-nvidia-cuda` | `%ctaid`, `%tid` | `nanosleep` | `%globaltimer` |
//! | `RocmModel` | `amdgcn-amd-amdhsa` | workgroup and work-item | `s_sleep` | the constant clock (`s_memrealtime`) |
//!
//! Each is there on its target alone. What they are made of is there everywhere: a [`GridModel`]
//! of some [`Hardware`], which may be a simulated one.
//!
//! # A kernel
//!
//! ```ignore
//! #![no_std]
//! #![feature(abi_gpu_kernel)]
//!
//! use core::sync::atomic::Ordering::Relaxed;
//!
//! use anymem_core::offset::Offset;
//! use anymem_core::sync::{Arena, Bytes, RobustLock};
//! use anymem_core::thread::Owner;
//! use anymem_gpu_device::CudaModel;
//!
//! /// Each thread counts itself in a heap, under a lock that processes take as well.
//! ///
//! /// # Safety
//! ///
//! /// The heap is registered with the device, where it is `len` bytes at `base`.
//! #[unsafe(no_mangle)]
//! pub unsafe extern "gpu-kernel" fn count(
//!     base: *mut u8, len: usize, lock: usize, count: usize, pid: u32, start: u64,
//! ) {
//!     let Some(base) = core::ptr::NonNull::new(base) else { return };
//!     let model = CudaModel::new(Owner { pid, start });
//!     // SAFETY: that is what the caller promises.
//!     let heap = unsafe { Bytes::new(base, len) };
//!     let _held = RobustLock::at(&heap, Offset::new(lock)).lock(&model);
//!     let word = heap.word(Offset::new(count));
//!     word.store(word.load(Relaxed) + 1, Relaxed);
//! }
//! ```
//!
//! `tests/device` in the repository has kernels that push to a ring and allocate from a heap, and
//! `ci/device.sh` compiles them for both targets. Their crate is a `staticlib`, with `lto` and
//! `panic = "abort"`, and has two things that no library brings: a panic handler, and `memcmp`.
//! It takes a nightly compiler (of May 2026 or later) with the sources of its library. The result
//! is text, so there is no need of a linker:
//!
//! ```text
//! RUSTFLAGS="-Ctarget-cpu=sm_70 -Ctarget-feature=+ptx70" cargo +nightly rustc --release \
//!     -Zbuild-std=core --target nvptx64-nvidia-cuda -- --emit asm
//! sed -E -f gpu/device/ptx.sed target/nvptx64-nvidia-cuda/release/deps/*.s > kernels.ptx
//! ```
//!
//! **`ptx.sed` must not be left out** with LLVM 22 or before, by `rustc -vV`: that writes `swap`
//! and `fetch_add` and their kind without the scope and order that they were asked for, as
//! `atom.add.u64`, which the processor need not see as atomic. The script puts them back, at the
//! strongest that anymem asks for. Loads, stores, fences and compare-exchange are right by
//! themselves. For ROCm nothing is amiss: `-Ctarget-cpu=gfx90a`, or whatever it is for, and
//! `ld.lld -shared --no-undefined --whole-archive` makes of the library what HIP loads.
//!
//! # What holds on a device
//!
//! - **Whose it is.** A kernel acts for the process that started it, so its locks, slots and
//!   seats are held in that process's name: the host passes its
//!   [`owner`](anymem_core::thread::ThreadModel::owner). If the process dies its kernels end
//!   with it, and others take over what they held.
//! - **Who lives.** A device cannot ask the system. All owners count as alive there, so kernels
//!   take nothing over; processes do that.
//! - **Waiting.** Nobody can be woken, here or there: who waits looks again, and a process that
//!   sleeps on a word finds out by itself, within 10 milliseconds.
//! - **Atomics** are of the scope of the whole system, as they are for threads of the processor
//!   (on CUDA `.sys`, from `sm_70` on, after `ptx.sed`). They and the processor's see each other
//!   as such where the device has `host_atomics`; elsewhere the two take turns, by the stream's
//!   synchronisation.
//! - **Progress.** A thread may wait for another one of its warp on CUDA from `sm_70` on. On
//!   ROCm the lanes of a wavefront go on together, and one that spins may keep the one it waits
//!   for from going on. There let a single lane of each wavefront take locks.
//! - **Thread-local values** there are none: making a key is refused as
//!   [`NoKeyLeft`](anymem_core::thread::TlsError::NoKeyLeft). Heap slots are
//!   [lent](anymem_core::allocator::LentSlots) or claimed by hand.

#![no_std]
#![cfg_attr(target_arch = "nvptx64", feature(asm_experimental_arch, stdarch_nvptx))]
#![cfg_attr(
    target_arch = "amdgpu",
    feature(core_intrinsics, gpu_intrinsics, link_llvm_intrinsics, stdarch_amdgpu),
    allow(internal_features)
)]

#[cfg(target_arch = "nvptx64")]
mod cuda;
mod hardware;
mod model;
mod place;
#[cfg(target_arch = "amdgpu")]
mod rocm;

#[cfg(target_arch = "nvptx64")]
pub use cuda::{Cuda, CudaModel};
pub use hardware::{Hardware, Rate};
pub use model::GridModel;
pub use place::Place;
#[cfg(target_arch = "amdgpu")]
pub use rocm::{Rocm, RocmModel};
