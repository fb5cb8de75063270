//! The most frequent words.

use core::cmp::Reverse;
use std::collections::BinaryHeap;

use anymem::container::ContainerError;

use super::job::Counts;

/// A word and how often it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frequent {
    pub(crate) word: String,
    pub(crate) times: u64,
}

/// Ordered by rank: the rarer is the greater, then the later in the alphabet.
type Ranked = (Reverse<u64>, String);

/// The `most` most frequent words, the most frequent first, words of the same
/// frequency by the alphabet.
pub(crate) fn top(counts: &Counts, most: usize) -> Result<Vec<Frequent>, ContainerError> {
    // The last in rank is on top, to make room for a better one.
    let mut best = BinaryHeap::<Ranked>::new();
    let mut damaged = Ok(());
    counts.for_each(|word, times| match word.as_str() {
        Ok(word) => offer(&mut best, most, word, times.count()),
        Err(error) => damaged = Err(error),
    })?;
    damaged?;
    let ranked = best.into_sorted_vec().into_iter();
    Ok(ranked.map(|(Reverse(times), word)| Frequent { word, times }).collect())
}

fn offer(best: &mut BinaryHeap<Ranked>, most: usize, word: &str, times: u64) {
    let is_better = |last: &Ranked| (Reverse(times), word) < (last.0, last.1.as_str());
    if best.len() >= most {
        if !best.peek().is_some_and(is_better) {
            return;
        }
        best.pop();
    }
    best.push((Reverse(times), word.to_owned()));
}
