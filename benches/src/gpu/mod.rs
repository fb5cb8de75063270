//! Pools of a device's memory, beside its driver's own allocation.
//!
//! A [`Job`] is done by our pools, by the driver, and by what libraries make of that. Where there
//! is no device, one in software stands in, and the figures are what the processor's side costs.

mod blocks;
mod copies;
mod cpp;
mod cudarc;
mod ipc;
mod job;
mod kernels;
mod measure;
mod python;
mod report;
mod software;
mod target;
mod umf;

pub use self::{
    ipc::produce,
    job::{Copy, Job, Kernel, Shape},
    measure::Bench,
    report::{Remarks, Summary},
    software::run_again,
    target::Kind,
};
