//! A run, and what it lacks.

use serde::{Deserialize, Serialize};

use crate::{
    Chart, Role,
    process::{self, Plan, Row},
};

/// All figures of a run from which somebody may be missing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    #[serde(flatten)]
    figures: process::Run,
    /// Who or what was not measured, and why.
    pub skipped: Vec<String>,
}

impl Run {
    /// Creates a run of this machine.
    pub fn new(plan: Plan, rows: Vec<Row>, skipped: Vec<String>) -> Self {
        Self { figures: process::Run::new(plan, rows), skipped }
    }

    /// Returns the figures by job (rows) and contestant (columns).
    pub fn table(&self) -> String {
        self.figures.table()
    }

    /// Returns the chart: for each job, everybody's time as a multiple of the best
    /// peer's.
    pub fn chart(&self) -> Chart {
        self.figures.chart()
    }

    /// Returns a line for each that was not measured.
    pub fn skips(&self) -> String {
        self.skipped.iter().map(|skipped| format!("skipped: {skipped}\n")).collect()
    }

    /// Returns the run and what it comes to as JSON, which it can be read from again.
    ///
    /// # Errors
    ///
    /// Passes the error of the serialiser on.
    pub fn json(&self, summary: &impl Serialize) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Record<'a, S> {
            unit: &'a str,
            #[serde(flatten)]
            run: &'a Run,
            summary: &'a S,
        }
        serde_json::to_string_pretty(&Record { unit: "ns/op", run: self, summary })
    }

    /// The names of the jobs.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &str> {
        self.figures.workloads.iter().map(|row| row.workload.as_str())
    }

    /// The names of who has that role.
    pub(crate) fn names(&self, role: Role) -> Vec<&str> {
        let columns = self.figures.columns().into_iter();
        columns.filter(|(_, it)| *it == role).map(|(name, _)| name).collect()
    }

    /// The time of a contestant on a job.
    pub(crate) fn of(&self, job: &str, contestant: &str) -> Option<f64> {
        self.figures.workloads.iter().find(|row| row.workload == job)?.of(contestant)
    }

    /// The time of one contestant on a job over that of another.
    pub(crate) fn ratio(&self, job: &str, contestant: &str, other: &str) -> Option<f64> {
        Some(self.of(job, contestant)? / self.of(job, other)?)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use crate::{
        Role,
        process::{Figure, Row},
    };

    /// A row of these medians.
    pub(crate) fn row(job: &str, medians: &[(&str, f64)]) -> Row {
        let figure = |&(name, median): &(&str, f64)| Figure {
            name: name.into(),
            role: if name.starts_with("anymem") { Role::Private } else { Role::Peer },
            median,
            fastest: median,
            slowest: median,
        };
        Row { workload: job.into(), contestants: medians.iter().map(figure).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::row, *};

    fn run() -> Run {
        let rows = vec![row("map/find", &[("anymem", 11.0), ("hashbrown", 10.0)])];
        Run::new(Plan::QUICK, rows, vec!["somebody, for a reason".into()])
    }

    #[test]
    fn a_run_comes_back_from_its_json() {
        let before = run();
        let after: Run = serde_json::from_str(&before.json(&()).unwrap()).unwrap();
        assert_eq!(before.table(), after.table());
        assert_eq!(before.skipped, after.skipped);
    }

    #[test]
    fn who_is_missing_is_told_and_has_no_ratio() {
        let run = run();
        assert_eq!(run.skips(), "skipped: somebody, for a reason\n");
        assert_eq!(run.ratio("map/find", "anymem", "hashbrown"), Some(1.1));
        assert_eq!(run.ratio("map/find", "anymem", "boost"), None);
        assert_eq!(run.ratio("map", "anymem", "hashbrown"), None);
    }
}
