//! Regions of pages, beside copies of the same bytes.
//!
//! A [`Job`] is done by our regions, and by what a program would do without them: copy all,
//! copy what it knows to be stale, gather.

mod copies;
mod draws;
mod element;
mod first_write;
mod job;
mod measure;
mod pair;
mod report;
mod view;

pub use self::{
    job::{Draw, Home, Job, Lie, Part, Share},
    measure::Bench,
    report::{Dirty, Remarks, Summary},
};
