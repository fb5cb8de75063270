//! `compare shared`: heaps and containers that processes share.

use core::error::Error;

use anymem_benches::{
    Run,
    shared::{self, Boost, Job, Part, Summary},
};
use clap::Args;

use crate::options::Options;

#[derive(Args, Debug)]
pub(crate) struct Shared {
    #[command(flatten)]
    options: Options,
}

impl Shared {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let (plan, boost) = (self.options.plan(), Boost::build());
        let contestants = shared::contestants(boost.as_ref().ok())?;
        let no_boost = boost.as_ref().err().map(|why| format!("Boost.Interprocess: {why}"));
        let mut skipped: Vec<_> = no_boost.into_iter().collect();
        let rows = self.options.rows(Job::ALL, |job| {
            shared::measure(job, &contestants, plan, &mut skipped).map(Some)
        })?;
        let run = Run::new(plan, rows, skipped);
        let limit = "cache-line: a word that goes to and fro, the limit\n";
        self.options.report("shared", &run, limit, &Summary::of(&run))
    }
}

/// A process of a contestant, which `compare shared` starts.
#[derive(Args, Debug)]
pub(crate) struct Worker {
    contestant: String,
    job: String,
    segment: String,
    number: usize,
}

impl Worker {
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let job = Job::named(&self.job).ok_or("no such job")?;
        let Self { contestant, segment, number, .. } = self;
        shared::serve(&Part {
            contestant: contestant.clone(),
            job,
            segment: segment.clone(),
            number: *number,
        })
    }
}
