//! Allocators for the heap of a process, side by side in one process.
//!
//! [`measure`] interleaves the contestants and takes medians; a [`Run`] keeps
//! them, and tells what they mean.

mod contestants;
mod limit;
mod measure;
mod peers;
mod plan;
mod predecessors;
mod report;
mod run;

pub use self::{
    contestants::{Contestant, all as contestants},
    measure::measure,
    plan::Plan,
    report::Summary,
    run::{Figure, Row, Run},
};
