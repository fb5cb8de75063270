//! What has been measured, as it is kept in JSON.

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::{Machine, Role};

/// All figures of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Where and when.
    pub machine: Machine,
    /// Samples of each contestant on each workload.
    pub rounds: usize,
    /// The time that a sample should take.
    pub sample_ms: f64,
    /// The figures, workload by workload.
    pub workloads: Vec<Row>,
}

/// The figures of all contestants on one workload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The workload's name.
    pub workload: String,
    /// The figures, in the order of the table's columns.
    pub contestants: Vec<Figure>,
}

/// What one contestant took: nanoseconds per operation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// The contestant's name.
    pub name: String,
    /// What the figure is used for.
    pub role: Role,
    /// The median of the samples: the figure that counts.
    pub median: f64,
    /// The fastest sample.
    pub fastest: f64,
    /// The slowest sample.
    pub slowest: f64,
}

impl Run {
    /// Creates a run of this machine.
    pub fn new(plan: Plan, workloads: Vec<Row>) -> Self {
        let sample_ms = plan.sample.as_secs_f64() * 1e3;
        Self { machine: Machine::this(), rounds: plan.rounds, sample_ms, workloads }
    }

    /// Returns the names and roles of all contestants, each once.
    pub(crate) fn columns(&self) -> Vec<(&str, Role)> {
        let mut columns = Vec::new();
        for figure in self.workloads.iter().flat_map(|row| &row.contestants) {
            let column = (figure.name.as_str(), figure.role);
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    }
}

impl Row {
    /// Returns the median of the contestant of that name.
    pub(crate) fn of(&self, name: &str) -> Option<f64> {
        self.contestants.iter().find(|figure| figure.name == name).map(|figure| figure.median)
    }

    /// Returns the median of the contestant that has that role alone.
    pub(super) fn with_role(&self, role: Role) -> Option<f64> {
        self.contestants.iter().find(|figure| figure.role == role).map(|figure| figure.median)
    }

    /// Returns the figure of the fastest peer.
    pub(super) fn best_peer(&self) -> Option<&Figure> {
        let peers = self.contestants.iter().filter(|figure| figure.role == Role::Peer);
        peers.min_by(|a, b| a.median.total_cmp(&b.median))
    }
}
