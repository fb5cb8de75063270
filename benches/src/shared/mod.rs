//! Heaps and containers that processes share, beside Boost.Interprocess, and
//! beside what a process has to itself.
//!
//! - A [`Job`] is what one or two processes do at the same time.
//! - A [`Contestant`] does some of the jobs, in processes of its own. They wait
//!   for a line with a number of operations and answer with the time that these
//!   took.
//!
//! The contestants of a job take turns, and [`measure`] takes medians. Time per
//! operation is the slowest process's over the operations of all of them.

mod anymem;
mod boost;
mod cache_line;
mod contestant;
mod iceoryx2;
mod job;
mod measure;
mod private;
mod queue;
mod report;
mod round_trip;
mod segment;
mod serve;
mod team;
mod topic;

pub use self::{
    boost::Boost,
    contestant::{Contestant, contestants},
    job::Job,
    measure::measure,
    report::Summary,
    serve::{Part, serve},
};
