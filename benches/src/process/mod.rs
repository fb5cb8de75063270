//! Allocators for the heap of a process, side by side in one process.
//!
//! [`measure`] interleaves the contestants and takes medians; a [`Run`] keeps
//! them, and tells what they mean.

mod contestants;
mod limit;
mod measure;
mod peers;
mod predecessors;
mod report;
mod run;

pub use self::{
    contestants::{Contestant, all as contestants},
    measure::{Plan, measure},
    report::Summary,
    run::{Figure, Row, Run},
};
