//! Updates of a region, and copies of the same bytes without one.

use core::{error::Error, hint::black_box, time::Duration};
use std::time::Instant;

use anymem::region::{Access, Run};

use super::{
    draws::Draws,
    job::{Job, Lie, Share},
    pair::{PAGE, Pair, Set},
    report::{BARE, COPIED, MEMCPY, OURS, OURS_FULL},
};
use crate::{
    Role,
    measure::{Sampled, measure},
    process::{Plan, Row},
};

/// Pages of a region of 64 MiB.
const PAGES: usize = (64 << 20) / PAGE;

/// One way to have a copy as its source is.
trait Copier {
    /// Writes `word` to pages of the source.
    fn write(&mut self, word: u64) -> Result<(), String>;

    /// Brings the copy up to date: this is timed.
    fn copy(&mut self) -> Result<(), String>;

    /// Whether what was written last is there.
    fn is_current(&self, word: u64) -> bool;
}

/// Measures an update of all, of nothing, of some pages, or of few.
pub(super) fn measure_copies(job: Job, plan: Plan) -> Result<Row, Box<dyn Error>> {
    let pages = if let Job::Pages(_) = job { 2 * COPIED } else { PAGES };
    let pair = &Pair::new(pages)?;
    let all = || Draws::of(0..pages);
    let stale = |job| stale(job, pages);
    let mut contestants = vec![sampled(OURS, Role::Private, Update::new(pair, stale(job))?)];
    if let Job::Dirty(..) = job {
        contestants.push(sampled(OURS_FULL, Role::Shared, Update::new(pair, all())?));
    }
    if let Job::Full | Job::Dirty(..) = job {
        contestants.push(sampled(MEMCPY, Role::Peer, Bare::new(pair, all())));
    }
    match job {
        Job::Dirty(..) | Job::Pages(_) => {
            contestants.push(sampled(BARE, Role::Limit, Bare::new(pair, stale(job))));
        }
        Job::Clean => contestants.push(sampled(BARE, Role::Limit, Bits(vec![0; pages / 64]))),
        _ => {}
    }
    Ok(measure(job.to_string(), 1, contestants, plan)?)
}

/// What is stale each time.
fn stale(job: Job, pages: usize) -> Draws {
    match job {
        Job::Dirty(Share(share), draw) => Draws::random(pages, pages * share / 100, draw),
        Job::Clean => Draws::of(0..0),
        Job::Pages(Lie::Together) => Draws::of(0..COPIED),
        Job::Pages(Lie::Apart) => Draws::of((0..COPIED).map(|page| 2 * page)),
        _ => Draws::of(0..pages),
    }
}

fn said(error: impl ToString) -> String {
    error.to_string()
}

fn sampled<'a>(name: &str, role: Role, mut copier: impl Copier + 'a) -> Sampled<'a> {
    let mut word = 0;
    let sample = move |operations: u64| {
        let mut took = Duration::ZERO;
        for _ in 0..operations {
            word += 1;
            copier.write(word)?;
            let start = Instant::now();
            copier.copy()?;
            took += start.elapsed();
        }
        if !copier.is_current(word) {
            return Err("the copy is not as its source".into());
        }
        Ok(took.as_secs_f64() * 1e9 / operations as f64)
    };
    Sampled { name: name.into(), role, sample: Box::new(sample) }
}

/// A region that is brought up to date, whatever is stale.
struct Update<'a> {
    pair: &'a Pair,
    draws: Draws,
    written: Set,
    /// All pages, and after an update those that it copied.
    pages: Set,
}

impl<'a> Update<'a> {
    fn new(pair: &'a Pair, draws: Draws) -> Result<Self, String> {
        let [written, pages] = [pair.none(), pair.none()].map(|set| set.map_err(said));
        Ok(Self { pair, draws, written: written?, pages: pages? })
    }
}

impl Copier for Update<'_> {
    fn write(&mut self, word: u64) -> Result<(), String> {
        self.written.words_mut().fill(0);
        let stale = Access::Indices { element: PAGE, indices: self.draws.next_pages() };
        stale.add_to(self.pair.geometry(), &mut self.written).map_err(said)?;
        self.pair.write(&self.written, word).map_err(said)
    }

    fn copy(&mut self) -> Result<(), String> {
        self.pages.words_mut().fill(!0);
        let copied = self.pair.update(&mut self.pages).map_err(said)?;
        let stale = self.written.count() * PAGE;
        if copied.bytes == stale {
            return Ok(());
        }
        Err(format!("{} bytes were copied, but {stale} were stale", copied.bytes))
    }

    fn is_current(&self, word: u64) -> bool {
        self.written.runs().all(|run| self.pair.has(run, word))
    }
}

/// Runs that are copied without a word to the regions.
struct Bare<'a> {
    pair: &'a Pair,
    draws: Draws,
    runs: Vec<Run>,
}

impl<'a> Bare<'a> {
    fn new(pair: &'a Pair, draws: Draws) -> Self {
        Self { pair, draws, runs: Vec::new() }
    }
}

impl Copier for Bare<'_> {
    fn write(&mut self, word: u64) -> Result<(), String> {
        let runs = self.draws.next_pages().chunk_by(|page, next| page + 1 == *next);
        self.runs.clear();
        self.runs.extend(runs.map(|run| Run { first: run[0], len: run.len() }));
        self.runs.iter().for_each(|&run| self.pair.write_bare(run, word));
        Ok(())
    }

    fn copy(&mut self) -> Result<(), String> {
        for &run in black_box(&self.runs) {
            self.pair.copy_bare(run);
        }
        black_box(self.pair);
        Ok(())
    }

    fn is_current(&self, word: u64) -> bool {
        self.runs.iter().all(|&run| self.pair.has(run, word))
    }
}

/// A bit for each page, none of which is set.
struct Bits(Vec<u64>);

impl Copier for Bits {
    fn write(&mut self, _word: u64) -> Result<(), String> {
        Ok(())
    }

    fn copy(&mut self) -> Result<(), String> {
        match black_box(&self.0).iter().all(|&bits| bits == 0) {
            true => Ok(()),
            false => Err("nobody set a bit".into()),
        }
    }

    fn is_current(&self, _word: u64) -> bool {
        true
    }
}
