//! What has been measured, as it is kept in JSON.

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use crate::{Machine, Role};

/// All figures of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Where and when.
    pub machine: Machine,
    /// Runs of each program on each library.
    pub rounds: usize,
    /// The share of the full work that the programs did.
    pub percent: u32,
    /// The figures, program by program.
    pub programs: Vec<Row>,
}

/// The figures of all libraries under one program.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The program's name.
    pub program: String,
    /// The figures, in the order of the table's columns.
    pub libraries: Vec<Figure>,
}

/// What became of a program on one library.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// The library's name.
    pub name: String,
    /// What the figure is used for.
    pub role: Role,
    /// How it went.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How the runs of a program went.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All printed what they should.
    Took(Took),
    /// One did not, for this reason.
    Failed(String),
}

/// What the runs took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Took {
    /// Milliseconds from start to end.
    pub wall_ms: Spread,
    /// Milliseconds of processor time, in the program and in the kernel for it.
    pub cpu_ms: Spread,
    /// MiB of resident memory at the peak, of the largest process.
    pub peak_mib: Spread,
}

/// A quantity over the rounds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Spread {
    /// The figure that counts.
    pub median: f64,
    /// The least of all rounds.
    pub least: f64,
    /// The greatest of all rounds.
    pub greatest: f64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// The time from start to end.
    Time,
    /// The processor time.
    Cpu,
    /// The peak of resident memory.
    Memory,
}

impl Run {
    /// Creates a run of this machine.
    pub fn new(plan: Plan, programs: Vec<Row>) -> Self {
        let Plan { rounds, percent } = plan;
        Self { machine: Machine::this(), rounds, percent, programs }
    }

    /// Returns the names and roles of all libraries, which are the same in every
    /// row.
    pub(super) fn columns(&self) -> Vec<(&str, Role)> {
        let figures = self.programs.first().map_or(&[][..], |row| &row.libraries);
        figures.iter().map(|figure| (figure.name.as_str(), figure.role)).collect()
    }
}

impl Row {
    /// Returns the median of a quantity on the library of that name.
    pub(super) fn of(&self, name: &str, quantity: Quantity) -> Option<f64> {
        self.libraries.iter().find(|figure| figure.name == name)?.of(quantity)
    }

    /// Returns the peer that took least of a quantity.
    pub(super) fn best_peer(&self, quantity: Quantity) -> Option<&Figure> {
        let peers = self.libraries.iter().filter(|figure| figure.role == Role::Peer);
        let medians = peers.filter_map(|figure| Some((figure, figure.of(quantity)?)));
        medians.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(figure, _)| figure)
    }
}

impl Figure {
    fn of(&self, quantity: Quantity) -> Option<f64> {
        let Outcome::Took(took) = &self.outcome else { return None };
        let spread = match quantity {
            Quantity::Time => took.wall_ms,
            Quantity::Cpu => took.cpu_ms,
            Quantity::Memory => took.peak_mib,
        };
        Some(spread.median)
    }
}
