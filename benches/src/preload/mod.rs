//! Allocators as shared libraries under whole programs, by `LD_PRELOAD`.
//!
//! [`measure`] runs a [`Program`] on each [`Library`] in turn and takes medians; a
//! [`Run`] keeps them, and tells what they mean. A library must let a program
//! print what it prints with glibc, or it has failed.

mod launch;
mod library;
mod measure;
mod plan;
mod program;
mod report;
mod run;

pub use self::{
    library::{Library, peers},
    measure::measure,
    plan::Plan,
    program::{Program, programs},
    report::Summary,
    run::{Figure, Outcome, Quantity, Row, Run, Spread, Took},
};
