//! Which pool it is, in as few bits as a page has for it.

use anymem_core::sync::owners::Entry;

use crate::pool::lock::Lock;

static TAKEN: Lock<Taken> = Lock::new(Taken { words: Vec::new() });

/// The numbers that somebody has, a bit each.
struct Taken {
    words: Vec<u64>,
}

/// A number of a pool's own, from 1 on; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Number(usize);

impl Number {
    /// The lowest number that nobody has; `None` if all are taken.
    pub(crate) fn claim() -> Option<Self> {
        let mut taken = TAKEN.lock();
        let free = taken.words.iter().position(|word| *word != u64::MAX);
        let index = free.unwrap_or(taken.words.len());
        if index == taken.words.len() {
            taken.words.try_reserve(1).ok()?;
            taken.words.push(0);
        }
        let word = taken.words.get_mut(index)?;
        let bit = word.trailing_ones() as usize;
        let number = index * 64 + bit + 1;
        (number <= Entry::KEYS).then(|| {
            *word |= 1 << bit;
            Self(number)
        })
    }

    #[inline]
    pub(crate) const fn get(&self) -> usize {
        self.0
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        let (index, bit) = ((self.0 - 1) / 64, (self.0 - 1) % 64);
        if let Some(word) = TAKEN.lock().words.get_mut(index) {
            *word &= !(1 << bit);
        }
    }
}
