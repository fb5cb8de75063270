//! Side-by-side measurement of general-purpose allocators.
//!
//! In one process ([`process`]):
//! - A [`Workload`](workloads::Workload) is a fixed job done through
//!   [`GlobalAlloc`](core::alloc::GlobalAlloc), compiled anew for each allocator.
//! - A [`Contestant`](process::Contestant) is an allocator bound to those
//!   copies, so that none pays for a call that the others do not make.
//!
//! Under `LD_PRELOAD` ([`preload`]):
//! - A [`Program`](preload::Program) is a command that prints the same whatever
//!   it allocates with.
//! - A [`Library`](preload::Library) is an allocator as a shared library.
//!
//! In several processes ([`shared`]):
//! - A [`Job`](shared::Job) is done by one or two processes at the same time.
//!
//! Pools of any memory ([`pools`]):
//! - A [`Job`](pools::Job) is done by our pools and those of the Unified Memory
//!   Framework.
//!
//! Heaps for kernels and firmware ([`embedded`]):
//! - A [`Job`](embedded::Job) is done in a small arena by our heap and by those of others.
//!
//! Pools of a GPU's memory ([`gpu`]):
//! - A [`Job`](gpu::Job) is done by our pools and by the driver's own allocation.
//!
//! Allocators of page frames ([`frames`]):
//! - A [`Job`](frames::Job) is done by ours and by those of kernels, on one thread and on two.
//!
//! In each way the contestants take turns, the figures are medians, and a run is
//! kept as JSON, from which its table, its ratios and its chart are made.

pub mod embedded;
pub mod frames;
pub mod gpu;
pub mod mpi;
pub mod pools;
pub mod preload;
pub mod process;
pub mod regions;
pub mod shared;
pub mod workloads;

mod chart;
mod compiled;
mod machine;
mod measure;
mod ratio;
mod role;
mod run;
mod sampling;
mod table;
mod worker;

pub use self::{chart::Chart, machine::Machine, role::Role, run::Run};
