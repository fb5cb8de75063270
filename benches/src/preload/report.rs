//! What a run says: the tables, the failures, the means, the chart.

use core::fmt;

use serde::Serialize;

use super::{
    library::GLIBC,
    run::{Figure, Outcome, Quantity, Row, Run},
};
use crate::{
    Role,
    chart::{Chart, Panel, Series},
    ratio::{Ratio, geomean},
    table::table,
};

impl Run {
    /// Returns a quantity by program (rows) and library (columns), as ratios to
    /// glibc's; below them the geometric means. The best peer is marked with `*`.
    pub fn table(&self, quantity: Quantity) -> String {
        let columns = self.columns();
        let head = [format!("{quantity} / glibc's")];
        let rows = self.programs.iter().map(|row| {
            let cells = columns.iter().map(|(name, _)| cell(row, name, quantity));
            [row.program.clone()].into_iter().chain(cells).collect()
        });
        let means =
            columns.iter().map(|(name, _)| format!("{} ", Ratio(self.mean(name, quantity))));
        let means = ["geomean".into()].into_iter().chain(means).collect();
        let names = columns.iter().map(|(name, _)| String::from(*name));
        table(head.into_iter().chain(names), rows.chain([means]))
    }

    /// Returns, line by line, who failed at what and how. Nothing of it counts in
    /// the means.
    pub fn failures(&self) -> String {
        let figures = self
            .programs
            .iter()
            .flat_map(|row| row.libraries.iter().map(|figure| (&row.program, figure)));
        let line = |(program, figure): (&String, &Figure)| match &figure.outcome {
            Outcome::Failed(why) => {
                Some(format!("FAILED {} under {program}: {why}\n", figure.name))
            }
            Outcome::Took(_) => None,
        };
        figures.filter_map(line).collect()
    }

    /// Returns the figures that the project is judged by.
    pub fn summary(&self) -> Summary {
        let columns = self.columns();
        let ours = columns.iter().find(|(_, role)| *role == Role::Private).map(|(name, _)| *name);
        let mean = |quantity| ours.and_then(|name| self.mean(name, quantity));
        let best = |row: &Row| Some(row.best_peer(Quantity::Time)?.name.clone());
        let of_each =
            self.programs.iter().filter_map(|row| ratio(row, &best(row)?, Quantity::Time));
        Summary {
            time: mean(Quantity::Time),
            memory: mean(Quantity::Memory),
            best_time: self.best_peer(Quantity::Time),
            best_memory: self.best_peer(Quantity::Memory),
            best_of_each: geomean(of_each),
        }
    }

    /// Returns the run and its summary as JSON, which [`Run`] can be read from.
    ///
    /// # Errors
    ///
    /// Passes the error of the serialiser on.
    pub fn json(&self) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Record<'a> {
            #[serde(flatten)]
            run: &'a Run,
            summary: Summary,
        }
        serde_json::to_string_pretty(&Record { run: self, summary: self.summary() })
    }

    /// Returns the chart: for each program, everybody's time and memory as
    /// multiples of glibc's.
    pub fn chart(&self) -> Chart {
        let columns = self.columns();
        let series = |&(name, role): &(&str, Role)| Series { name: name.into(), role };
        Chart {
            title: "Whole programs under LD_PRELOAD, in times of glibc's".into(),
            caption: format!("Medians of {} rounds. {}", self.rounds, self.machine),
            rows: self.programs.iter().map(|row| row.program.clone()).collect(),
            series: columns.iter().map(series).collect(),
            panels: [Quantity::Time, Quantity::Memory].map(|it| self.panel(it)).into(),
        }
    }

    fn panel(&self, quantity: Quantity) -> Panel {
        let values = |(name, _): (&str, Role)| {
            self.programs.iter().map(|row| ratio(row, name, quantity)).collect()
        };
        Panel {
            axis: format!("{quantity} / glibc's (less is better)"),
            values: self.columns().into_iter().map(values).collect(),
        }
    }

    /// Returns the geometric mean of a library's ratios to glibc.
    fn mean(&self, name: &str, quantity: Quantity) -> Option<f64> {
        geomean(self.programs.iter().filter_map(|row| ratio(row, name, quantity)))
    }

    /// Returns the peer, other than glibc, with the least mean.
    fn best_peer(&self, quantity: Quantity) -> Option<(String, f64)> {
        let is_peer = |(name, role): &(&str, Role)| *role == Role::Peer && *name != GLIBC;
        let peers = self.columns().into_iter().filter(is_peer);
        let means = peers.filter_map(|(name, _)| Some((name.into(), self.mean(name, quantity)?)));
        means.min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn ratio(row: &Row, name: &str, quantity: Quantity) -> Option<f64> {
    Some(row.of(name, quantity)? / row.of(GLIBC, quantity)?)
}

fn cell(row: &Row, name: &str, quantity: Quantity) -> String {
    let best = row.best_peer(quantity).is_some_and(|best| best.name == name);
    let mark = if best { "*" } else { " " };
    ratio(row, name, quantity).map_or("failed ".into(), |ratio| format!("{ratio:.2}{mark}"))
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Time => "time",
            Self::Cpu => "processor time",
            Self::Memory => "peak memory",
        })
    }
}

/// The last line of a run, in its `Display` form: geometric means of the ratios
/// to glibc. What cannot be formed, because a library is missing, reads `n/a`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Ours: the time.
    pub time: Option<f64>,
    /// Ours: the peak memory.
    pub memory: Option<f64>,
    /// The peer that is fastest on the whole.
    pub best_time: Option<(String, f64)>,
    /// The peer that takes least memory on the whole.
    pub best_memory: Option<(String, f64)>,
    /// The time of the fastest peer of each program, which may be glibc.
    pub best_of_each: Option<f64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |best: &Option<(String, f64)>| match best {
            Some((name, ratio)) => format!("{name}:{ratio:.2}"),
            None => "none:n/a".into(),
        };
        write!(
            f,
            "geomean anymem time={} memory={} best-peer time={} memory={} best-of-each time={}",
            Ratio(self.time),
            Ratio(self.memory),
            named(&self.best_time),
            named(&self.best_memory),
            Ratio(self.best_of_each),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Spread, Took},
        *,
    };
    use crate::Machine;

    fn spread(median: f64) -> Spread {
        Spread { median, least: median, greatest: median }
    }

    /// A figure of a library whose memory is a tenth of its time; none below 0.
    fn figure(name: &str, role: Role, time: f64) -> Figure {
        let (wall_ms, peak_mib) = (spread(time), spread(time / 10.0));
        let took = Took { wall_ms, cpu_ms: wall_ms, peak_mib };
        let failed = Outcome::Failed("signal: 11".into());
        let outcome = if time > 0.0 { Outcome::Took(took) } else { failed };
        Figure { name: name.into(), role, outcome }
    }

    fn run(rows: &[[f64; 4]]) -> Run {
        let row = |&[anymem, glibc, fast, slow]: &[f64; 4]| Row {
            program: "churn".into(),
            libraries: vec![
                figure("anymem", Role::Private, anymem),
                figure("glibc", Role::Peer, glibc),
                figure("fast", Role::Peer, fast),
                figure("slow", Role::Peer, slow),
            ],
        };
        let programs = rows.iter().map(row).collect();
        Run { machine: Machine::default(), rounds: 1, percent: 100, programs }
    }

    #[test]
    fn the_last_line_holds_the_means() {
        let run = run(&[[1.0, 2.0, 1.0, 4.0], [1.0, 2.0, 4.0, 8.0]]);
        let expected = "geomean anymem time=0.50 memory=0.50 best-peer time=fast:1.00 \
                        memory=fast:1.00 best-of-each time=0.71";
        assert_eq!(run.summary().to_string(), expected);
    }

    #[test]
    fn a_failure_is_told_and_left_out() {
        let run = run(&[[-1.0, 2.0, 1.0, 4.0], [1.0, 2.0, 1.0, 4.0]]);
        assert_eq!(run.failures(), "FAILED anymem under churn: signal: 11\n");
        assert_eq!(run.summary().time, Some(0.5));
        assert!(run.table(Quantity::Time).contains("failed"));
    }

    #[test]
    fn a_run_comes_back_from_its_json() {
        let before = run(&[[-1.0, 2.0, 1.0, 4.0], [1.0, 2.0, 1.0, 4.0]]);
        let after: Run = serde_json::from_str(&before.json().unwrap()).unwrap();
        assert_eq!(before.failures(), after.failures());
        assert_eq!(before.table(Quantity::Memory), after.table(Quantity::Memory));
    }
}
