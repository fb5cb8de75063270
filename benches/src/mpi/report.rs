//! What a run comes to.

use core::fmt;

use serde::Serialize;

use super::{
    job::{Job, OURS, PACK, RAW, Task},
    library::Flavour,
};
use crate::{
    Run,
    ratio::{Ratio, Times},
};

/// What a run comes to with one library: its last line, in its `Display` form. What cannot be
/// formed, because somebody is missing, reads `n/a`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// How many nanoseconds longer a page takes than one `MPI_Get` and one flush.
    pub get4k_ns: Option<f64>,
    /// Our time over that of a loop of `MPI_Get`, for scattered pages.
    pub scattered: Option<f64>,
    /// How many times as fast as pages that are put together and sent.
    pub pack: Option<f64>,
    /// Our time for 64 MiB over that of one `MPI_Get`.
    pub bulk: Option<f64>,
    /// How many times as fast as getting all it is to get a quarter that is stale.
    pub dirty25: Option<f64>,
}

impl Summary {
    /// Forms the ratios of `run` with the first library that was measured.
    pub fn of(run: &Run) -> Self {
        let measured = Flavour::ALL.into_iter().find(|&flavour| is_measured(run, flavour));
        Self::with(run, measured.unwrap_or(Flavour::OpenMpi))
    }

    fn with(run: &Run, flavour: Flavour) -> Self {
        let job = |task| Job { flavour, task }.to_string();
        let slower = |task| run.ratio(&job(task), OURS, RAW);
        let get = |contestant| run.of(&job(Task::Get), contestant);
        Self {
            get4k_ns: get(OURS).zip(get(RAW)).map(|(ours, raw)| ours - raw),
            scattered: slower(Task::Scattered),
            pack: run.ratio(&job(Task::Scattered), PACK, OURS),
            bulk: slower(Task::Bulk),
            dirty25: slower(Task::Dirty).map(f64::recip),
        }
    }
}

/// Returns what `run` comes to with each library that was measured, a line each.
pub fn by_flavour(run: &Run) -> String {
    let measured = Flavour::ALL.into_iter().filter(|&flavour| is_measured(run, flavour));
    measured.map(|flavour| format!("{flavour}, {}\n", Summary::with(run, flavour))).collect()
}

fn is_measured(run: &Run, flavour: Flavour) -> bool {
    Task::ALL.iter().any(|&task| run.of(&Job { flavour, task }.to_string(), OURS).is_some())
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "mpi: get4k_ns={} scattered={} pack={} bulk={} dirty25={}",
            self.get4k_ns.map_or("n/a".into(), |longer| format!("{longer:+.0}")),
            Ratio(self.scattered),
            Times(self.pack),
            Ratio(self.bulk),
            Times(self.dirty25),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{process::Plan, run::testing::row};

    #[test]
    fn the_last_line_holds_what_one_library_comes_to() {
        let rows = vec![
            row("open-mpi/get", &[(OURS, 150.0), (RAW, 100.0)]),
            row("open-mpi/scattered", &[(OURS, 1.5e6), (RAW, 1.2e6), (PACK, 9e6)]),
            row("open-mpi/bulk", &[(OURS, 9e6), (RAW, 9e6)]),
            row("open-mpi/dirty", &[(OURS, 2e6), (RAW, 9e6)]),
            row("mpich/get", &[(OURS, 1480.0), (RAW, 1500.0)]),
        ];
        let run = Run::new(Plan::QUICK, rows, Vec::new());
        assert_eq!(
            Summary::of(&run).to_string(),
            "mpi: get4k_ns=+50 scattered=1.25 pack=6.00x bulk=1.00 dirty25=4.50x"
        );
        assert_eq!(
            by_flavour(&run),
            "open-mpi, mpi: get4k_ns=+50 scattered=1.25 pack=6.00x bulk=1.00 dirty25=4.50x\n\
             mpich, mpi: get4k_ns=-20 scattered=n/a pack=n/a bulk=n/a dirty25=n/a\n"
        );
    }
}
