//! What a run comes to.

use core::fmt;

use serde::Serialize;

use super::job::{Draw, Home, Job, Lie, Part, Share};
use crate::{
    Run,
    ratio::{Ratio, Times},
};

/// What our figures stand under.
pub(super) const OURS: &str = "anymem";

/// What stands under that name brings all up to date, whatever is stale.
pub(super) const OURS_FULL: &str = "anymem-full";

/// What stands under that name copies all that there is.
pub(super) const MEMCPY: &str = "memcpy";

/// What stands under that name does the same without pages: nothing can be faster.
pub(super) const BARE: &str = "bare";

/// What stands under that name copies what it is to see as one slice.
pub(super) const GATHER: &str = "gather";

/// Pages that are copied in the jobs that tell what a page costs.
pub(super) const COPIED: usize = 128;

/// The figures that the project is judged by: the last line, in its `Display` form. What
/// cannot be formed, because somebody is missing, reads `n/a`.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Summary {
    /// Time of an update of all over that of one `memcpy`.
    pub full: Option<f64>,
    /// Microseconds that it takes to see that nothing is stale.
    pub clean_us: Option<f64>,
    /// Time of an update where some pages are stale, always the same ones, over that of all:
    /// by hundredths.
    pub dirty: Dirty,
    /// Nanoseconds that a page of a run costs beside the copy of its bytes.
    pub page_ns: Option<f64>,
    /// How many times as fast as gathering it is to see 64 KiB of each owner.
    pub view: Option<f64>,
}

/// Ratios for 1, 10 and 25 of a hundred pages.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Dirty([Option<f64>; Share::ALL.len()]);

/// What else there is to say: the lines before the last.
#[derive(Clone, Copy, Debug)]
pub struct Remarks {
    new: Dirty,
    run_ns: Option<f64>,
    slice_ns: Option<f64>,
    region_ns: Option<f64>,
    first_write_ns: Option<f64>,
    large_view: Option<f64>,
}

impl Summary {
    /// Forms the figures of `run`.
    pub fn of(run: &Run) -> Self {
        Self {
            full: run.ratio(&Job::Full.to_string(), OURS, MEMCPY),
            clean_us: ours(run, Job::Clean).map(|time| time / 1e3),
            dirty: Dirty::of(run, Draw::Same),
            page_ns: above_bare(run, Lie::Together),
            view: faster_view(run, Part::Small),
        }
    }
}

impl Remarks {
    /// Forms the figures of `run`.
    pub fn of(run: &Run) -> Self {
        let [together, apart] = [Lie::Together, Lie::Apart].map(|lie| above_bare(run, lie));
        Self {
            new: Dirty::of(run, Draw::New),
            run_ns: apart.zip(together).map(|(apart, together)| apart - together),
            slice_ns: ours(run, Job::Element(Home::Slice)),
            region_ns: ours(run, Job::Element(Home::Region)),
            first_write_ns: ours(run, Job::FirstWrite),
            large_view: faster_view(run, Part::Large),
        }
    }
}

impl Dirty {
    fn of(run: &Run, draw: Draw) -> Self {
        let ratio = |share| run.ratio(&Job::Dirty(share, draw).to_string(), OURS, OURS_FULL);
        Self(Share::ALL.map(ratio))
    }
}

fn ours(run: &Run, job: Job) -> Option<f64> {
    run.of(&job.to_string(), OURS)
}

/// What one page costs beside the copy of its bytes.
fn above_bare(run: &Run, lie: Lie) -> Option<f64> {
    let job = Job::Pages(lie);
    let bare = run.of(&job.to_string(), BARE)?;
    Some((ours(run, job)? - bare) / COPIED as f64)
}

fn faster_view(run: &Run, part: Part) -> Option<f64> {
    run.ratio(&Job::View(part).to_string(), GATHER, OURS)
}

/// A number with that many decimals, or `n/a`.
fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or("n/a".into(), |value| format!("{value:.decimals$}"))
}

impl fmt::Display for Dirty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (Share(share), ratio) in Share::ALL.into_iter().zip(self.0) {
            write!(f, " dirty{share}={}", number(ratio, 4))?;
        }
        Ok(())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { full, clean_us, dirty, page_ns, view } = *self;
        write!(
            f,
            "regions: full={} clean_us={}{dirty} page_ns={} view={}",
            Ratio(full),
            number(clean_us, 2),
            number(page_ns, 1),
            Times(view),
        )
    }
}

impl fmt::Display for Remarks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "other pages each time:{}", self.new)?;
        writeln!(
            f,
            "run_ns={} slice_ns={} region_ns={} first_write_ns={} view2m={}",
            number(self.run_ns, 1),
            number(self.slice_ns, 2),
            number(self.region_ns, 2),
            number(self.first_write_ns, 0),
            Times(self.large_view),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{process::Plan, run::testing::row};

    fn run() -> Run {
        let dirty = |job, ours| row(job, &[(OURS, ours), (OURS_FULL, 5e6), (MEMCPY, 4e6)]);
        let rows = vec![
            row("full", &[(OURS, 5.05e6), (MEMCPY, 5e6)]),
            row("clean", &[(OURS, 2500.0), (BARE, 100.0)]),
            dirty("dirty/1%", 3e4),
            dirty("dirty/25%", 1.3e6),
            dirty("dirty/1%/new", 6e4),
            row("pages/together", &[(OURS, 43_280.0), (BARE, 42_000.0)]),
            row("pages/apart", &[(OURS, 47_120.0), (BARE, 42_000.0)]),
            row("element/region", &[(OURS, 6.0), (BARE, 0.5)]),
            row("view/64-KiB", &[(OURS, 2.0), (GATHER, 20.0)]),
        ];
        Run::new(Plan::QUICK, rows, Vec::new())
    }

    #[test]
    fn the_last_line_holds_what_counts() {
        let expected = "regions: full=1.01 clean_us=2.50 dirty1=0.0060 dirty10=n/a \
                        dirty25=0.2600 page_ns=10.0 view=10.00x";
        assert_eq!(Summary::of(&run()).to_string(), expected);
    }

    #[test]
    fn the_lines_before_hold_the_rest() {
        let expected = "other pages each time: dirty1=0.0120 dirty10=n/a dirty25=n/a\n\
                        run_ns=30.0 slice_ns=n/a region_ns=6.00 first_write_ns=n/a view2m=n/a\n";
        assert_eq!(Remarks::of(&run()).to_string(), expected);
    }
}
