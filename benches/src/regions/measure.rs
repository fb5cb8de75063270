//! Who does which job.

use super::{copies, element, first_write, job::Job, view};
use crate::process::{Plan, Row};

/// What jobs are measured with.
#[derive(Debug)]
pub struct Bench {
    plan: Plan,
    /// What was not measured, and why.
    pub skipped: Vec<String>,
}

impl Bench {
    /// Prepares for jobs of `plan`.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan, skipped: Vec::new() }
    }

    /// Measures `job`; `None` where the kernel does not let us, which is then among what was
    /// [skipped](Self::skipped).
    ///
    /// # Errors
    ///
    /// A contestant failed, which it has told.
    ///
    /// # Panics
    ///
    /// Panics if the plan has no rounds.
    pub fn measure(&mut self, job: Job) -> Result<Option<Row>, String> {
        let row = match job {
            Job::Element(home) => element::measure_elements(home, self.plan),
            Job::View(part) => view::measure_views(part, self.plan),
            Job::FirstWrite => match first_write::tracker() {
                Ok(tracker) => first_write::measure_first_writes(tracker, self.plan),
                Err(why) => {
                    self.skipped.push(format!("{job}: {why}"));
                    return Ok(None);
                }
            },
            _ => copies::measure_copies(job, self.plan),
        };
        row.map(Some).map_err(|error| format!("{job}: {error}"))
    }
}
