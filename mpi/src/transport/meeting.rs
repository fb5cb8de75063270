//! Threads that wait for one another, and for nobody who has left.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Where as many threads as there are ranks meet, again and again.
#[derive(Debug)]
pub(super) struct Meeting {
    round: Mutex<Round>,
    changed: Condvar,
}

#[derive(Debug)]
struct Round {
    number: u64,
    here: usize,
    brought: Vec<Vec<u8>>,
    /// What was brought to the last round; nobody can end the next before all have read it.
    result: Vec<u8>,
    left: Option<u32>,
}

impl Meeting {
    pub(super) fn new(ranks: u32) -> Self {
        let brought = vec![Vec::new(); ranks as usize];
        let round = Round { number: 0, here: 0, brought, result: Vec::new(), left: None };
        Self { round: Mutex::new(round), changed: Condvar::new() }
    }

    /// Panics of others leave nothing half done in here.
    fn lock(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all are here and gives what they brought, one after the other; else the
    /// rank that has left.
    pub(super) fn meet(&self, rank: u32, mine: &[u8]) -> Result<Vec<u8>, u32> {
        let mut round = self.lock();
        if let Some(left) = round.left {
            return Err(left);
        }
        let number = round.number;
        round.brought[rank as usize] = mine.to_vec();
        round.here += 1;
        if round.here == round.brought.len() {
            round.result = round.brought.concat();
            round.here = 0;
            round.number += 1;
            self.changed.notify_all();
        }
        while round.number == number {
            if let Some(left) = round.left {
                return Err(left);
            }
            round = self.changed.wait(round).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(round.result.clone())
    }

    /// Takes note that `rank` will come no more.
    pub(super) fn leave(&self, rank: u32) {
        self.lock().left.get_or_insert(rank);
        self.changed.notify_all();
    }
}
