//! Threads of a GPU in a heap.
//!
//! A heap that is [registered](crate::RegisteredHeap) with a device is the same there, at another
//! address: offsets lead to the same values. The kernels here read and change values that
//! processes made, and processes read what kernels made:
//!
//! | kernel | what it does |
//! |---|---|
//! | [`vec_sum`](Kernels::vec_sum), [`vec_count`](Kernels::vec_count) | reads a [`ShmVec`](anymem::container::ShmVec) |
//! | [`vec_fill`](Kernels::vec_fill) | writes the elements of one |
//! | [`list_sum`](Kernels::list_sum) | follows a [`ShmList`](anymem::container::ShmList) |
//! | [`chain_build`](Kernels::chain_build), [`chain_sum`](Kernels::chain_sum) | each thread takes nodes from an [`Arena`] in the heap, and links them into a [`Chain`] |
//! | [`ring_push`](Kernels::ring_push) | pushes into a [`ShmMpsc`](anymem::container::ShmMpsc) that a process reads meanwhile |
//!
//! Each returns when its kernel is done. The same kernels as a [`Call`] are launched in a
//! [scope](crate::Stream::scope) of a stream, between its copies, and go on by themselves until it
//! ends ([`Pending`]).
//!
//! # What they trust
//!
//! Nothing: each offset is bounded on the device before it becomes an address, walks carry a
//! bound, and what is wrong comes back as [`KernelError`]. A damaged heap, or one that a hostile
//! process writes to meanwhile, gives wrong numbers or an error.
//!
//! # For which devices
//!
//! They are PTX text, assembled by the driver when it is loaded, for NVIDIA's GPUs from the
//! Volta generation on, and the software device. HIP and Level Zero have no PTX: for those, and
//! for kernels of your own, `anymem.cuh` in `gpu/include` has the same in CUDA and HIP C++, as
//! functions of one header ([`HEADER`]). It is compiled by `nvcc` or `hipcc`, and loaded with
//! [`Driver::load`](crate::driver::Driver::load).
//!
//! # Threads
//!
//! The thread models of hermes for CUDA and ROCm, on the device:
//!
//! | hermes | PTX | `anymem.cuh` | Rust | what it is |
//! |---|---|---|---|---|
//! | `GetTid` | `anymem_thread_id` | `anymem::thread_id()` | `thread_id()` | the number of the thread in the grid |
//! | | `anymem_thread_count` | `anymem::thread_count()` | | how many the grid has |
//! | `Yield` | `anymem_yield` | `anymem::yield()` | `yield_now()` | `nanosleep`; `s_sleep` on ROCm |
//! | `SleepForUs` | `anymem_sleep_for_us` | `anymem::sleep_for_us(n)` | `sleep(time)` | the same until the device's clock says so; in C++ on ROCm as often as takes as long |
//! | `CreateTls`, `SetTls`, `GetTls` | | | refused | none, as in hermes: what a thread has for itself is in its registers |
//! | `Spawn`, `Join` | | | | a launch, and the stream's synchronisation |
//!
//! The column Rust is [`ThreadModel`](anymem_core::thread::ThreadModel), which the crate
//! `anymem-gpu-device` implements for [kernels in Rust](crate::guide#kernels-in-rust).
//!
//! ```
//! use anymem::container::{ShmBox, ShmVec};
//! use anymem::{HeapOptions, Size};
//! use anymem_gpu::kernels::{HeapOnDevice, Kernels};
//! use anymem_gpu::{Device, RegisteredHeap, Stream};
//!
//! let options = HeapOptions::new().resident(true);
//! for device in Device::all() {
//!     let Ok(kernels) = Kernels::load(&device) else { continue };
//!     let heap = options.create_memfd("both", Size::mib(4))?;
//!     let heap = RegisteredHeap::new(heap, [&device])?;
//!     let there = HeapOnDevice::new(&heap, &device)?;
//!     let stream = Stream::new(&device)?;
//!     let mut numbers = ShmBox::new_in(ShmVec::from_slice_in(&[0; 100], &*heap)?, &*heap)?;
//!     kernels.vec_fill(&stream, there, numbers.get_mut()?, (1, 1))?;
//!     assert_eq!(kernels.vec_sum(&stream, there, numbers.get()?)?.value, 5050);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arena;
mod call;
mod chain;
mod heap;
mod launch;
mod pending;
mod ptx;
mod report;
mod ring;
mod values;

pub use arena::Arena;
pub use call::Call;
pub use chain::Chain;
pub use heap::HeapOnDevice;
pub use launch::{Kernels, Threads};
pub use pending::Pending;
pub use ptx::TEXT;
pub use report::{KernelError, Outcome};
pub use ring::{Producers, Push};

/// The text of `anymem.cuh`: what kernels in CUDA and HIP C++ need.
pub const HEADER: &str = include_str!("../../include/anymem.cuh");
