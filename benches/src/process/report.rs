//! What a run says: the table, the geometric means, the last line, JSON.

use core::fmt;

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};
use serde::Serialize;

use crate::{
    contestants::{Contestant, Role},
    measure::{Plan, Row, Samples},
};

/// The peer that has a ratio of its own in the last line.
const REFERENCE: &str = "mimalloc";

/// All figures of a run.
#[derive(Debug)]
pub struct Report {
    plan: Plan,
    contestants: Vec<Contestant>,
    rows: Vec<Row>,
}

impl Report {
    /// Creates the report of `rows`, whose samples are in the order of
    /// `contestants`.
    pub fn new(plan: Plan, contestants: Vec<Contestant>, rows: Vec<Row>) -> Self {
        Self { plan, contestants, rows }
    }

    /// Returns the figures by workload (rows) and contestant (columns). The best
    /// peer of a row is marked with `*`.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        let names = self.contestants.iter().map(|contestant| contestant.name);
        table.load_style(ASCII_MARKDOWN).set_header(["ns/op"].into_iter().chain(names));
        for row in &self.rows {
            let figures = (0..self.contestants.len()).map(|column| self.cell(row, column));
            table.add_row([row.workload.clone()].into_iter().chain(figures));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table.to_string()
    }

    fn cell(&self, row: &Row, column: usize) -> String {
        let mark = if self.best(row) == Some(column) { "*" } else { " " };
        format!("{:.1}{mark}", row.samples[column].median())
    }

    /// Returns, line by line, each contestant's geometric mean over the
    /// workloads: in nanoseconds, and as a multiple of the best peers.
    pub fn means(&self) -> String {
        let line = |column: usize| {
            let name = self.contestants[column].name;
            let nanoseconds = geomean(self.rows.iter().map(|row| row.samples[column].median()));
            let best = Ratio(self.geomean_to(column, |row| self.best(row)));
            let nanoseconds = Nanoseconds(nanoseconds);
            format!("geomean {name:<14} {nanoseconds:>8} ns/op  {best:>5} x the best peers\n")
        };
        (0..self.contestants.len()).map(line).collect()
    }

    /// Returns the figures that the project is judged by.
    pub fn summary(&self) -> Summary {
        let private = self.with_role(Role::Private);
        let shared = self.with_role(Role::Shared);
        let reference = self.contestants.iter().position(|each| each.name == REFERENCE);
        Summary {
            to_reference: private.and_then(|ours| self.geomean_to(ours, |_| reference)),
            to_best: private.and_then(|ours| self.geomean_to(ours, |row| self.best(row))),
            worst: private.and_then(|ours| self.worst(ours)),
            shared_to_private: shared.and_then(|shared| self.geomean_to(shared, |_| private)),
        }
    }

    /// Returns everything as JSON.
    ///
    /// # Errors
    ///
    /// Passes the error of the serialiser on.
    pub fn json(&self) -> serde_json::Result<String> {
        let workloads = self.rows.iter().map(|row| WorkloadRecord {
            workload: &row.workload,
            best_peer: self.best(row).map(|column| self.contestants[column].name),
            contestants: self.figures(row),
        });
        let record = RunRecord {
            unit: "ns/op",
            rounds: self.plan.rounds,
            sample_ms: self.plan.sample.as_secs_f64() * 1e3,
            workloads: workloads.collect(),
            summary: self.summary(),
        };
        serde_json::to_string_pretty(&record)
    }

    fn figures(&self, row: &Row) -> Vec<FigureRecord<'_>> {
        let pairs = self.contestants.iter().zip(&row.samples);
        let figure = |(contestant, samples): (&Contestant, &Samples)| FigureRecord {
            name: contestant.name,
            median: samples.median(),
            fastest: samples.fastest(),
            slowest: samples.slowest(),
        };
        pairs.map(figure).collect()
    }

    fn with_role(&self, role: Role) -> Option<usize> {
        self.contestants.iter().position(|contestant| contestant.role == role)
    }

    /// Returns the column of the fastest peer.
    fn best(&self, row: &Row) -> Option<usize> {
        let median = |column: &usize| row.samples[*column].median();
        (0..self.contestants.len())
            .filter(|&column| self.contestants[column].role == Role::Peer)
            .min_by(|a, b| median(a).total_cmp(&median(b)))
    }

    fn ratio(row: &Row, column: usize, other: usize) -> f64 {
        row.samples[column].median() / row.samples[other].median()
    }

    /// Returns the geometric mean of a column's ratio to another one, which may
    /// be chosen anew for each row.
    fn geomean_to(&self, column: usize, other: impl Fn(&Row) -> Option<usize>) -> Option<f64> {
        let ratios: Option<Vec<f64>> =
            self.rows.iter().map(|row| Some(Self::ratio(row, column, other(row)?))).collect();
        geomean(ratios?.into_iter())
    }

    fn worst(&self, column: usize) -> Option<(String, f64)> {
        let ratios = self.rows.iter().filter_map(|row| {
            Some((row.workload.clone(), Self::ratio(row, column, self.best(row)?)))
        });
        ratios.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// The last line of a run, in its `Display` form. A ratio that cannot be formed,
/// because a contestant is missing, reads `n/a`.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Geometric mean of the private heap's times over those of mimalloc.
    #[serde(rename = "anymem/mimalloc")]
    pub to_reference: Option<f64>,
    /// The same over the fastest peer of each workload.
    #[serde(rename = "anymem/best")]
    pub to_best: Option<f64>,
    /// The workload where the private heap is furthest behind the best peer.
    pub worst: Option<(String, f64)>,
    /// Geometric mean of the shared heap's times over those of the private one.
    #[serde(rename = "shared/private")]
    pub shared_to_private: Option<f64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (workload, worst) = match &self.worst {
            Some((workload, ratio)) => (workload.as_str(), Some(*ratio)),
            None => ("none", None),
        };
        write!(
            f,
            "geomean anymem/mimalloc={} anymem/best={} worst={workload}:{} shared/private={}",
            Ratio(self.to_reference),
            Ratio(self.to_best),
            Ratio(worst),
            Ratio(self.shared_to_private),
        )
    }
}

/// Two decimals, or `n/a`.
struct Ratio(Option<f64>);

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.map_or("n/a".into(), |ratio| format!("{ratio:.2}")))
    }
}

/// One decimal, or `n/a`.
struct Nanoseconds(Option<f64>);

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.map_or("n/a".into(), |time| format!("{time:.1}")))
    }
}

#[derive(Serialize)]
struct RunRecord<'a> {
    unit: &'a str,
    rounds: usize,
    sample_ms: f64,
    workloads: Vec<WorkloadRecord<'a>>,
    summary: Summary,
}

#[derive(Serialize)]
struct WorkloadRecord<'a> {
    workload: &'a str,
    best_peer: Option<&'a str>,
    contestants: Vec<FigureRecord<'a>>,
}

#[derive(Serialize)]
struct FigureRecord<'a> {
    name: &'a str,
    median: f64,
    fastest: f64,
    slowest: f64,
}

/// Returns the geometric mean, or nothing of nothing.
fn geomean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) =
        values.fold((0.0, 0_u32), |(sum, count), value| (sum + value.ln(), count + 1));
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::contestants;

    /// A report on the given contestants and medians.
    fn report(columns: &[(&'static str, Role)], rows: &[(&str, &[f64])]) -> Report {
        let plan = Plan { rounds: 1, sample: Duration::from_millis(1) };
        let stand_in = contestants::all()[0];
        let contestant = |&(name, role)| Contestant { name, role, ..stand_in };
        let row = |&(workload, medians): &(&str, &[f64])| Row {
            workload: workload.into(),
            samples: medians.iter().map(|&median| Samples::new(vec![median])).collect(),
        };
        let rows = rows.iter().map(row).collect();
        Report::new(plan, columns.iter().map(contestant).collect(), rows)
    }

    const COLUMNS: [(&str, Role); 4] = [
        ("anymem", Role::Private),
        ("anymem-shared", Role::Shared),
        ("glibc", Role::Peer),
        ("mimalloc", Role::Peer),
    ];

    #[test]
    fn the_last_line_holds_the_ratios() {
        let rows: [(&str, &[f64]); 2] =
            [("pair/16", &[2.0, 4.0, 8.0, 4.0]), ("vec/grow", &[30.0, 15.0, 10.0, 40.0])];
        let expected = "geomean anymem/mimalloc=0.61 anymem/best=1.22 worst=vec/grow:3.00 \
                        shared/private=1.00";
        assert_eq!(report(&COLUMNS, &rows).summary().to_string(), expected);
    }

    #[test]
    fn a_ratio_to_somebody_absent_reads_as_such() {
        let rows: [(&str, &[f64]); 1] = [("pair/16", &[8.0, 4.0])];
        let expected =
            "geomean anymem/mimalloc=n/a anymem/best=n/a worst=none:n/a shared/private=n/a";
        assert_eq!(report(&COLUMNS[2..], &rows).summary().to_string(), expected);
    }

    #[test]
    fn the_best_peer_is_marked_even_where_we_are_faster() {
        let rows: [(&str, &[f64]); 1] = [("pair/16", &[1.0, 1.0, 8.0, 4.0])];
        let table = report(&COLUMNS, &rows).table();
        assert!(table.contains(" 4.0*"), "{table}");
        assert_eq!(table.matches('*').count(), 1, "{table}");
    }
}
