//! Pools of any memory, beside those of the Unified Memory Framework.
//!
//! A [`Job`] is done by our pool and by theirs of the same kind, each over memory of the
//! system, in one process; only what concerns other processes has one that makes the
//! handles. Theirs are used as they come, with all allocations tracked, as ours are.

mod anymem;
mod ipc;
mod job;
mod kind;
mod measure;
mod owner;
mod report;
mod umf;

pub use self::{
    ipc::produce,
    job::{Ipc, Job, Shape},
    kind::Kind,
    measure::Bench,
    report::{Summary, scaling},
    umf::{Umf, UmfPool},
};
