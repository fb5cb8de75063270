//! Two ranks, and what they are made to do.

use core::cell::RefCell;
use std::path::PathBuf;

use super::{
    job::{CONTESTANTS, Job, Task},
    library::{Flavour, Library},
};
use crate::{
    measure::{Sampled, measure},
    process::{Plan, Row},
    worker::Worker,
};

/// What jobs are measured with.
#[derive(Debug)]
pub struct Bench {
    target: PathBuf,
    plan: Plan,
    /// The ranks of one library: those of another would take their processors, for who waits
    /// in MPI does not sleep.
    ranks: Option<Ranks>,
    /// What was not measured, and why.
    pub skipped: Vec<String>,
}

/// Two ranks that use one library, if it is there.
#[derive(Debug)]
struct Ranks {
    flavour: Flavour,
    /// The first of them, which tells the other.
    first: Option<RefCell<Worker>>,
}

impl Bench {
    /// Prepares for jobs of `plan`; what the ranks run is built below the folder `target`.
    #[must_use]
    pub fn new(target: PathBuf, plan: Plan) -> Self {
        Self { target, plan, ranks: None, skipped: Vec::new() }
    }

    /// Measures `job`; `None` where its library is not there, which is then among what was
    /// [skipped](Self::skipped).
    ///
    /// # Errors
    ///
    /// The ranks failed, which they have told.
    ///
    /// # Panics
    ///
    /// Panics if the plan has no rounds.
    pub fn measure(&mut self, job: Job) -> Result<Option<Row>, String> {
        if self.ranks.as_ref().is_none_or(|ranks| ranks.flavour != job.flavour) {
            // The others have ended before these start.
            self.ranks = None;
            let first = self.start(job.flavour)?.map(RefCell::new);
            self.ranks = Some(Ranks { flavour: job.flavour, first });
        }
        let first = self.ranks.as_ref().and_then(|ranks| ranks.first.as_ref());
        first.map(|first| exchange(first, job, self.plan)).transpose()
    }

    fn start(&mut self, flavour: Flavour) -> Result<Option<Worker>, String> {
        if let Err(why) = flavour.look() {
            self.skipped.push(format!("{flavour}: {why}"));
            return Ok(None);
        }
        let library = Library::build(flavour, &self.target)?;
        Worker::start(library.command(), &format!("{flavour}'s ranks")).map(Some)
    }
}

fn exchange(first: &RefCell<Worker>, job: Job, plan: Plan) -> Result<Row, String> {
    let able = CONTESTANTS.iter().filter(|contestant| contestant.does(job.task));
    let able = able.map(|contestant| Sampled {
        name: contestant.name.into(),
        role: contestant.role,
        sample: Box::new(|operations| sample(first, job.task, contestant.name, operations)),
    });
    measure(job.to_string(), 1, able.collect(), plan)
}

/// Returns the nanoseconds that one of so many operations takes.
fn sample(
    first: &RefCell<Worker>,
    task: Task,
    contestant: &str,
    operations: u64,
) -> Result<f64, String> {
    let mut first = first.borrow_mut();
    first.tell(&format!("{} {contestant} {operations}", task.name()))?;
    Ok(first.hear_time()? / operations as f64)
}
