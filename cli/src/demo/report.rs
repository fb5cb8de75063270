//! What a run prints.

use std::time::Duration;

use anymem::Size;
use anymem::allocator::Stats;
use comfy_table::Table;

use super::job::Tally;
use super::top::Frequent;
use super::workers::Losses;
use crate::error::CliError;
use crate::numbers::{grouped, percent};
use crate::output::line;
use crate::tables::{facts, table};

/// How many characters of a word are shown.
const WIDEST: usize = 48;

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) top: Vec<Frequent>,
    pub(crate) tally: Tally,
    pub(crate) distinct: u64,
    pub(crate) workers: u32,
    pub(crate) time: Duration,
    pub(crate) kills: Option<Kills>,
    /// Locks of the map that were taken over from the dead.
    pub(crate) locks: u64,
    pub(crate) heap: Stats,
}

/// What came of killing workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kills {
    /// What chose them.
    pub(crate) seed: u64,
    pub(crate) losses: Losses,
}

impl Report {
    /// Writes it to standard output.
    pub(crate) fn print(&self) -> Result<(), CliError> {
        if !self.top.is_empty() {
            line(self.words())?;
        }
        line(self.run())?;
        if let Some(kills) = self.kills {
            line(self.kills(kills))?;
        }
        line(self.heap())?;
        if self.heap.slabs > 0 {
            line(self.classes())?;
        }
        Ok(())
    }

    fn words(&self) -> Table {
        let mut table = table(&["word", "times", "share"]);
        for Frequent { word, times } in &self.top {
            table.add_row([shortened(word), grouped(*times), percent(*times, self.tally.words)]);
        }
        table
    }

    fn run(&self) -> Table {
        let Tally { files, skipped, bytes, words } = self.tally;
        let seconds = self.time.as_secs_f64();
        let rate = words as f64 / seconds.max(1e-9);
        facts(&[
            ("words", grouped(words)),
            ("distinct words", grouped(self.distinct)),
            ("text", size(bytes)),
            ("files", grouped(files)),
            ("skipped", grouped(skipped)),
            ("workers", grouped(self.workers.into())),
            ("seconds", format!("{seconds:.3}")),
            ("words per second", grouped(rate as u64)),
        ])
    }

    fn kills(&self, Kills { seed, losses }: Kills) -> Table {
        facts(&[
            ("workers killed", grouped(losses.killed)),
            ("seed", seed.to_string()),
            ("files handed on", grouped(losses.files)),
            ("locks taken over", grouped(self.locks)),
            ("heap slots recovered", grouped(losses.slots)),
        ])
    }

    fn heap(&self) -> Table {
        let heap = &self.heap;
        facts(&[
            ("heap reserved", size(heap.reserved as u64)),
            ("committed", size(heap.committed as u64)),
            ("live", size(heap.live as u64)),
            ("live blocks", grouped(heap.live_blocks as u64)),
            ("slabs", grouped(heap.slabs as u64)),
        ])
    }

    /// The slabs that are in use, by what they are cut into.
    fn classes(&self) -> Table {
        let mut table = table(&["block size", "slabs", "live blocks", "free blocks"]);
        for class in self.heap.classes.iter().filter(|class| class.slabs > 0) {
            let block = Size::bytes(class.block_size).to_string();
            let numbers = [class.slabs, class.live, class.free].map(|n| grouped(n as u64));
            table.add_row([block].into_iter().chain(numbers));
        }
        if self.heap.spans > 0 {
            let numbers = [self.heap.span_slabs, self.heap.spans].map(|n| grouped(n as u64));
            let row = ["whole slabs".to_owned()].into_iter().chain(numbers);
            table.add_row(row.chain([String::new()]));
        }
        table
    }
}

fn size(bytes: u64) -> String {
    Size::bytes(usize::try_from(bytes).unwrap_or(usize::MAX)).to_string()
}

fn shortened(word: &str) -> String {
    if word.chars().count() <= WIDEST {
        return word.to_owned();
    }
    word.chars().take(WIDEST - 1).chain(['…']).collect()
}
