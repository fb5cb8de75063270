//! Counting again, with `std`'s map in one process.

use core::fmt;
use std::collections::HashMap;

use anymem::container::ContainerError;

use super::job::Job;
use super::text;
use super::times::Times;
use super::words::words;
use crate::error::CliError;
use crate::signals::Signals;

/// How both counts compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Words that the workers counted.
    words: u64,
    /// Words that were counted here.
    words_again: u64,
    /// Different words that the workers found.
    distinct: u64,
    /// Different words that were found here.
    distinct_again: u64,
    /// Words that the shared map has not, or with another count.
    missing: u64,
    /// Words that only the shared map has.
    surplus: u64,
    /// What the counts in the shared map add up to.
    sum: u64,
}

impl Verdict {
    /// Counts the files of `job` again and compares every entry, both ways.
    pub(crate) fn of(job: &Job, signals: &Signals) -> Result<Self, CliError> {
        let again = count_again(job, signals)?;
        let (surplus, sum) = surplus(job, &again)?;
        Ok(Self {
            words: job.tally()?.words,
            words_again: again.values().sum(),
            distinct: job.counts.len()? as u64,
            distinct_again: again.len() as u64,
            missing: missing(job, &again)?,
            surplus,
            sum,
        })
    }

    /// Whether both counts are the same.
    pub(crate) fn is_ok(&self) -> bool {
        self.words == self.words_again
            && self.words == self.sum
            && self.distinct == self.distinct_again
            && self.missing == 0
            && self.surplus == 0
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { words, words_again, distinct, distinct_again, missing, surplus, sum } = self;
        if self.is_ok() {
            return write!(f, "check=ok words={words} distinct={distinct}");
        }
        write!(
            f,
            "check=FAILED words={words} words_again={words_again} sum={sum} distinct={distinct} \
             distinct_again={distinct_again} missing={missing} surplus={surplus}"
        )
    }
}

fn count_again(job: &Job, signals: &Signals) -> Result<HashMap<String, u64>, CliError> {
    let mut again = HashMap::<String, u64>::new();
    for index in 0..job.len() {
        signals.check()?;
        let Ok(text) = text::read(job.path(index)?) else { continue };
        for word in words(&text) {
            match again.get_mut(word) {
                Some(times) => *times += 1,
                None => drop(again.insert(word.to_owned(), 1)),
            }
        }
    }
    Ok(again)
}

/// How many words of `again` the shared map has not, or with another count.
fn missing(job: &Job, again: &HashMap<String, u64>) -> Result<u64, ContainerError> {
    again.iter().try_fold(0, |missing, (word, times)| {
        let same = job.counts.with(word.as_str(), Times::count)? == Some(*times);
        Ok(missing + u64::from(!same))
    })
}

/// How many words only the shared map has, and what all its counts add up to.
fn surplus(job: &Job, again: &HashMap<String, u64>) -> Result<(u64, u64), ContainerError> {
    let (mut surplus, mut sum) = (0, 0_u64);
    job.counts.for_each(|word, times| {
        let known = word.as_str().is_ok_and(|word| again.contains_key(word));
        surplus += u64::from(!known);
        sum = sum.saturating_add(times.count());
    })?;
    Ok((surplus, sum))
}
