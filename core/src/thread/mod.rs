//! Threads as the allocators see them: who owns a heap slot, how to wait, and
//! the allocation context.
//!
//! # Thread models
//!
//! A [`ThreadModel`] says what a program's threads are. It is a parameter of every heap,
//! and stands nowhere in its bytes: processes with different models share a heap.
//!
//! | model | threads | finds the caller's slot by | waits | lives in |
//! |---|---|---|---|---|
//! | [`Bare`] | one, and interrupt handlers | there is one: [`LentSlots`] | looks again | here |
//! | [`PerCpu`] | the processors of a kernel | their number: [`LentSlots`] | looks again | here |
//! | `PthreadModel` | POSIX threads, and so Rust's | thread-local storage: `SharedHeap` | sleeps in the kernel (a futex) | `anymem` |
//! | `ArgobotsModel` | user-level threads, which move between the system's | the stream they run on: [`LentSlots`] | yields to other user-level threads | `anymem`, feature `argobots` |
//! | `WindowsModel` | the threads of Windows | thread-local storage | sleeps in the kernel | `anymem`, on Windows |
//! | `CudaModel`, `RocmModel` | the threads of a device, in kernels written in Rust | [`LentSlots`], or none | looks again, after a nap | `anymem-gpu-device` |
//! | CUDA, ROCm | the same, in PTX and C++ | each has a chunk of its own | does not | `anymem-gpu` (`Kernels`) |
//!
//! What is not in the table is a trait of five functions that have to be written; the guide
//! of `anymem` has an example. Rust's own threads are the system's (hermes-shm: `StdThread`),
//! so they need no model apart from that.
//!
//! There are three ways to a heap slot, from the fastest to the one that works everywhere:
//!
//! 1. A [`Context`] that the caller claimed and passes on: it is the caller's, wherever it
//!    runs.
//! 2. Thread-local storage, as `anymem` has it for the system's threads.
//! 3. [`LentSlots`]: a slot for the time of a call.
//!
//! And [`Context::DEFAULT`] with the heap itself takes no slot at all.
//!
//! [`LentSlots`]: crate::allocator::LentSlots

mod bare;
mod context;
mod model;
mod owner;
mod per_cpu;
mod values;
mod watch;

pub use bare::Bare;
pub use context::Context;
pub(crate) use model::NAP;
pub use model::{ThreadId, ThreadModel, TlsError, TlsKey};
pub use owner::{Liveness, Owner};
pub use per_cpu::PerCpu;
pub use watch::{Ending, Watch};
