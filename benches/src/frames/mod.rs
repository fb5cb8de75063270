//! Allocators of page frames: ours, and what kernels written in Rust take.
//!
//! A [`Job`] is what the authors of LLFree measure such allocators with, here on memory that
//! nobody writes to, but for the allocator that keeps its lists there. Two threads are two
//! processors to ours, which knows them by number; the others have one lock.

mod contestant;
mod job;
mod measure;
mod report;
mod work;

pub use self::{
    job::{Job, Shape, Size, Team},
    measure::Bench,
    report::{Summary, per_row},
};
