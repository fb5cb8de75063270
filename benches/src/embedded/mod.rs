//! Heaps for a few KiB to a few MiB, beside those that kernels and firmware use.
//!
//! A [`Job`] replaces blocks of random sizes in an arena, in one thread. All heaps have an
//! arena of the same size, and no lock: with one, all would pay the same. What a heap's own
//! struct takes outside of the arena is not counted.

mod fill;
mod heaps;
mod job;
mod measure;
mod report;

pub use self::{
    fill::{Fill, fills, worst_steps},
    job::{Arena, Job, Sizes},
    measure::measure,
    report::{Remarks, Summary},
};
