//! What a run says: the table, the means, the ratios, the chart.

use core::fmt;

use serde::Serialize;

use super::{
    predecessors::{self, Lead},
    run::{Row, Run},
};
use crate::{
    Role,
    chart::{Chart, Panel, Series},
    ratio::{Ratio, geomean},
    table::table,
};

/// The peer that has a ratio of its own in the last line.
const REFERENCE: &str = "mimalloc";

impl Run {
    /// Returns the figures by workload (rows) and contestant (columns). The best
    /// peer of a row is marked with `*`.
    pub fn table(&self) -> String {
        let columns = self.columns();
        let head = ["ns/op"].into_iter().chain(columns.iter().map(|(name, _)| *name));
        let rows = self.workloads.iter().map(|row| {
            let cells = columns.iter().map(|(name, _)| cell(row, name));
            [row.workload.clone()].into_iter().chain(cells).collect()
        });
        table(head.map(String::from), rows)
    }

    /// Returns, line by line, each contestant's geometric mean over the
    /// workloads: in nanoseconds, and as a multiple of the best peers.
    pub fn means(&self) -> String {
        let all = self.columns().into_iter().filter(|(_, role)| *role != Role::Limit);
        let line = |(name, _): (&str, Role)| {
            let nanoseconds = Ratio(self.geomean(|row| row.of(name)));
            let best = Ratio(self.geomean(|row| Some(row.of(name)? / best(row)?)));
            format!("geomean {name:<14} {nanoseconds:>8} ns/op  {best:>5} x the best peers\n")
        };
        all.map(line).collect()
    }

    /// Returns the figures that the project is judged by.
    pub fn summary(&self) -> Summary {
        let private = |row: &Row| row.with_role(Role::Private);
        let shared = |row: &Row| row.with_role(Role::Shared);
        let limit = |row: &Row| row.with_role(Role::Limit);
        Summary {
            to_reference: self.geomean(|row| Some(private(row)? / row.of(REFERENCE)?)),
            to_best: self.geomean(|row| Some(private(row)? / best(row)?)),
            worst: self.worst(),
            shared_to_private: self.geomean(|row| Some(shared(row)? / private(row)?)),
            private_to_list: self.geomean(|row| Some(private(row)? / limit(row)?)),
            shared_to_list: self.geomean(|row| Some(shared(row)? / limit(row)?)),
            leads: predecessors::leads(self),
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
            unit: &'a str,
            #[serde(flatten)]
            run: &'a Run,
            summary: Summary,
        }
        serde_json::to_string_pretty(&Record { unit: "ns/op", run: self, summary: self.summary() })
    }

    /// Returns the chart: for each workload, everybody's time as a multiple of
    /// the best peer's.
    pub fn chart(&self) -> Chart {
        let columns = self.columns();
        let ratio = |row: &Row, name: &str| Some(row.of(name)? / best(row)?);
        let values =
            |(name, _): &(&str, Role)| self.workloads.iter().map(|row| ratio(row, name)).collect();
        Chart {
            title: "Time per operation, in times of the best peer's".into(),
            caption: format!("Medians of {} rounds. {}", self.rounds, self.machine),
            rows: self.workloads.iter().map(|row| row.workload.clone()).collect(),
            series: columns
                .iter()
                .map(|&(name, role)| Series { name: name.into(), role })
                .collect(),
            panels: vec![Panel {
                axis: "time / time of the best peer (less is faster)".into(),
                values: columns.iter().map(values).collect(),
            }],
        }
    }

    /// Returns the geometric mean over the workloads for which there is a value.
    fn geomean(&self, value: impl Fn(&Row) -> Option<f64>) -> Option<f64> {
        geomean(self.workloads.iter().filter_map(value))
    }

    fn worst(&self) -> Option<(String, f64)> {
        let ratios = self.workloads.iter().filter_map(|row| {
            Some((row.workload.clone(), row.with_role(Role::Private)? / best(row)?))
        });
        ratios.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

fn best(row: &Row) -> Option<f64> {
    row.best_peer().map(|figure| figure.median)
}

fn cell(row: &Row, name: &str) -> String {
    let mark = if row.best_peer().is_some_and(|best| best.name == name) { "*" } else { " " };
    row.of(name).map_or(String::new(), |time| format!("{time:.1}{mark}"))
}

/// The ratios of a run: its last lines, in their `Display` form. A ratio that
/// cannot be formed, because a contestant is missing, reads `n/a`.
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
    /// Geometric mean, over small pairs, of the private heap's times over those
    /// of a bare list.
    #[serde(rename = "anymem/list")]
    pub private_to_list: Option<f64>,
    /// The same of the shared heap.
    #[serde(rename = "shared/list")]
    pub shared_to_list: Option<f64>,
    /// How far the shared heap is ahead of what it replaces.
    pub leads: Vec<Lead>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for lead in &self.leads {
            let (by_time, by_glibc) = (Ratio(lead.by_time), Ratio(lead.by_glibc));
            write!(f, "pairs anymem-shared {by_time:>8} x as fast as {:<24}", lead.over)?;
            writeln!(f, " {by_glibc:>8} x in units of each run's glibc")?;
        }
        let (private, shared) = (Ratio(self.private_to_list), Ratio(self.shared_to_list));
        writeln!(f, "pairs anymem/list={private} shared/list={shared}")?;
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

#[cfg(test)]
mod tests {
    use super::{super::run::Figure, *};
    use crate::Machine;

    type Column = (&'static str, Role);

    fn figure((name, role): Column, median: f64) -> Figure {
        Figure { name: name.into(), role, median, fastest: median, slowest: median }
    }

    /// A run with the given contestants and medians.
    fn run(columns: &[Column], rows: &[(&str, &[f64])]) -> Run {
        let row = |&(workload, medians): &(&str, &[f64])| Row {
            workload: workload.into(),
            contestants: columns
                .iter()
                .zip(medians)
                .map(|(&it, &median)| figure(it, median))
                .collect(),
        };
        let workloads = rows.iter().map(row).collect();
        Run { machine: Machine::default(), rounds: 1, sample_ms: 1.0, workloads }
    }

    fn lines(run: &Run) -> Vec<String> {
        run.summary().to_string().lines().rev().map(String::from).collect()
    }

    const COLUMNS: [Column; 5] = [
        ("anymem", Role::Private),
        ("anymem-shared", Role::Shared),
        ("glibc", Role::Peer),
        ("mimalloc", Role::Peer),
        ("list", Role::Limit),
    ];

    #[test]
    fn the_last_line_holds_the_ratios() {
        let rows: [(&str, &[f64]); 2] =
            [("pair/16", &[2.0, 4.0, 8.0, 4.0]), ("vec/grow", &[30.0, 15.0, 10.0, 40.0])];
        let expected = "geomean anymem/mimalloc=0.61 anymem/best=1.22 worst=vec/grow:3.00 \
                        shared/private=1.00";
        assert_eq!(lines(&run(&COLUMNS, &rows))[0], expected);
    }

    #[test]
    fn a_ratio_to_somebody_absent_reads_as_such() {
        let rows: [(&str, &[f64]); 1] = [("pair/16", &[8.0, 4.0])];
        let expected =
            "geomean anymem/mimalloc=n/a anymem/best=n/a worst=none:n/a shared/private=n/a";
        assert_eq!(lines(&run(&COLUMNS[2..], &rows))[0], expected);
    }

    #[test]
    fn the_limit_is_a_ratio_of_the_pairs_and_never_the_best_peer() {
        let rows: [(&str, &[f64]); 2] =
            [("pair/16", &[3.0, 6.0, 8.0, 4.0, 2.0]), ("vec/grow", &[5.0, 5.0, 5.0, 5.0])];
        let run = run(&COLUMNS, &rows);
        assert_eq!(lines(&run)[1], "pairs anymem/list=1.50 shared/list=3.00");
        assert_eq!(run.workloads[0].best_peer().unwrap().name, "mimalloc");
    }

    #[test]
    fn a_predecessor_is_compared_by_time_and_by_glibc() {
        let rows: [(&str, &[f64]); 1] = [("pair/65536", &[1.0, 5.53, 80.2])];
        let leads = run(&COLUMNS, &rows).summary().leads;
        let scalable = leads.iter().find(|lead| lead.over == "UMF scalable pool").unwrap();
        assert_eq!(format!("{:.3}", scalable.by_time.unwrap()), "10.000");
        assert_eq!(format!("{:.3}", scalable.by_glibc.unwrap()), "20.000");
    }

    #[test]
    fn the_best_peer_is_marked_even_where_we_are_faster() {
        let rows: [(&str, &[f64]); 1] = [("pair/16", &[1.0, 1.0, 8.0, 4.0])];
        let table = run(&COLUMNS, &rows).table();
        assert!(table.contains(" 4.0*"), "{table}");
        assert_eq!(table.matches('*').count(), 1, "{table}");
    }

    #[test]
    fn a_run_comes_back_from_its_json() {
        let rows: [(&str, &[f64]); 1] = [("pair/16", &[1.0, 1.0, 8.0, 4.0])];
        let before = run(&COLUMNS, &rows);
        let after: Run = serde_json::from_str(&before.json().unwrap()).unwrap();
        assert_eq!(before.table(), after.table());
    }

    #[test]
    fn the_chart_names_everybody_and_has_a_mark_for_each_figure() {
        let rows: [(&str, &[f64]); 1] = [("pair/16", &[1.0, 1.0, 8.0, 4.0, 0.5])];
        let svg = run(&COLUMNS, &rows).chart().svg().unwrap();
        for name in COLUMNS.iter().map(|(name, _)| *name).chain(["pair/16"]) {
            assert!(svg.contains(name), "{name} is missing in {svg}");
        }
        let legend = COLUMNS.len();
        assert_eq!(svg.matches("<circle").count(), legend + rows[0].1.len());
    }
}
