//! Counting a text into the shared map.
//!
//! There are two ways. One changes the shared map for every word. The other
//! adds up the words of a file in a map of the worker's own, which is emptied
//! into the shared map at the file's end: a lock is then taken once for every
//! different word of a file, rather than for every word.
//!
//! The second is the default. On 112 MiB of Rust sources (13 million words,
//! 0.5 million of them different) it takes 10 to 25 % less processor time, with
//! one, two and four workers. Much of either goes into waiting for memory: the
//! map is larger than the caches, and a search misses twice.

use core::hash::BuildHasher;
use std::collections::HashMap;

use anymem::allocator::Allocator;
use anymem::container::{ContainerError, ShmString};

use super::job::{Counts, Job};
use super::seat::Seats;
use super::times::Times;
use super::words::words;

/// Counts each word of `text` as it comes; how many there were.
fn each_word(job: &Job, seats: &Seats<'_>, text: &str) -> Result<u64, ContainerError> {
    let first = seats.first_step();
    let mut seen = 0;
    for word in words(text) {
        if seen >= first {
            add(&job.counts, seats, seen, word, 1)?;
        }
        seen += 1;
    }
    Ok(seen)
}

/// Counts the words of `text` by itself first; how many there were.
fn whole_text(job: &Job, seats: &Seats<'_>, text: &str) -> Result<u64, ContainerError> {
    // About as many different words as source code has in so many bytes: most
    // maps then never grow.
    let room = text.len() / 48;
    let mut sums = HashMap::with_capacity_and_hasher(room, job.hashing());
    for word in words(text) {
        *sums.entry(word).or_insert(0_u64) += 1;
    }
    let first = seats.first_step();
    let mut seen = 0;
    // The order depends on the text and the hash function only.
    for (step, (word, times)) in (0..).zip(sums) {
        if step >= first {
            add(&job.counts, seats, step, word, times)?;
        }
        seen += times;
    }
    Ok(seen)
}

/// Counts the words of `text`, from the step on that is to be done next; how
/// many there are. `None` if it is not the text that was begun.
pub(crate) fn count(
    job: &Job,
    seats: &Seats<'_>,
    text: &str,
) -> Result<Option<u64>, ContainerError> {
    if !seats.begin(job.hashing().hash_one(text)) {
        return Ok(None);
    }
    let count = if job.per_word { each_word } else { whole_text };
    count(job, seats, text).map(Some)
}

#[inline]
fn add(
    counts: &Counts,
    seats: &Seats<'_>,
    step: u64,
    word: &str,
    more: u64,
) -> Result<(), ContainerError> {
    let make_key = |heap: &dyn Allocator| ShmString::from_str_in(word, heap);
    counts.upsert(word, make_key, Times::default(), |times| seats.add(step, times, more))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, Stdio};

    use anymem::container::ShmBox;
    use anymem::{SharedHeap, Size};
    use rustix::process::{Signal, getpid, kill_process};

    use super::*;
    use crate::demo::ROOT;
    use crate::demo::seat::tests::DEATHS;
    use crate::demo::segment::Segment;

    const TEXT: &str = "to be or not to be";

    /// Tells a process what to die of: the heap, the step, the death.
    const FATE: &str = "ANYMEM_TEST_FATE";

    /// The words of [`TEXT`] are counted by the seat 0.
    fn job(heap: &SharedHeap) -> &Job {
        let job = Job::new(heap, &[], 2, true).expect("a job");
        heap.bind_root(ROOT, ShmBox::new_in(job, heap).expect("a box")).expect("a root")
    }

    /// A process that is killed holding the lock of the word of `step`.
    fn let_die(heap: &SharedHeap, step: usize, death: usize) {
        let status = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "--ignored", "demo::count::tests::dies_in_a_step"])
            .env(FATE, format!("{} {step} {death}", heap.name()))
            .stdout(Stdio::null())
            .status();
        assert_eq!(status.expect("it ends").signal(), Some(9));
    }

    #[test]
    #[ignore = "started by whoever_dies_in_a_step_is_counted_once"]
    fn dies_in_a_step() {
        let fate = std::env::var(FATE).expect("a fate");
        let [name, step, death] = fate.split(' ').collect::<Vec<_>>()[..] else { panic!("{fate}") };
        let (last, death) = (step.parse::<u64>().expect("a step"), death.parse::<usize>());
        let death = DEATHS[death.expect("a death")];
        let heap = SharedHeap::open(name).expect("the heap");
        let job = heap.root::<Job>(ROOT).expect("the job");
        let seats = job.seats(0).expect("a seat");
        assert!(seats.begin(job.hashing().hash_one(TEXT)));
        for (step, word) in (0..=last).zip(words(TEXT)) {
            let make_key = |heap: &dyn Allocator| ShmString::from_str_in(word, heap);
            let change = |times: &Times| {
                if step == last {
                    seats.die(step, times, 1, death);
                    kill_process(getpid(), Signal::KILL).expect("an end");
                }
                seats.add(step, times, 1);
            };
            job.counts.upsert(word, make_key, Times::default(), |times| change(times)).expect("it");
        }
    }

    #[test]
    fn whoever_dies_in_a_step_is_counted_once() {
        let all =
            (0..words(TEXT).count()).flat_map(|step| (0..DEATHS.len()).map(move |d| (step, d)));
        for (step, death) in all {
            for is_overtaken in [false, true] {
                let segment = Segment::create(Size::mib(4)).expect("a segment");
                let job = job(segment.heap());
                let_die(segment.heap(), step, death);
                let count_as =
                    |seat| count(job, &job.seats(seat).expect("a seat"), TEXT).expect("a count");
                if is_overtaken {
                    assert_eq!(count_as(1), Some(6));
                }
                assert_eq!(count_as(0), Some(6));
                let each = 1 + u64::from(is_overtaken);
                for (word, times) in [("to", 2), ("be", 2), ("or", 1), ("not", 1)] {
                    let found = job.counts.with(word, |times| (times.count(), times.mark()));
                    let what = format!("{word}: {:?} in step {step}", DEATHS[death]);
                    assert_eq!(found, Ok(Some((times * each, None))), "{what}");
                }
                assert_eq!((job.counts.recoveries(), job.counts.check()), (Ok(1), Ok(())));
            }
        }
    }
}
