//! Side-by-side measurement of general-purpose allocators in one process.
//!
//! - A [`Workload`](workloads::Workload) is a fixed job done through
//!   [`GlobalAlloc`](core::alloc::GlobalAlloc), compiled anew for each allocator.
//! - A [`Contestant`](contestants::Contestant) is an allocator bound to those
//!   copies, so that none pays for a call that the others do not make.
//! - [`measure`] interleaves the contestants and takes medians.
//! - [`report`] turns the medians into a table, ratios and JSON.

pub mod contestants;
pub mod measure;
pub mod report;
pub mod workloads;

mod peers;
