//! Which pages are written before an update.

use super::job::Draw;
use crate::workloads::Rng;

/// Pages to be written, once and again: always the same ones, or others at random.
#[derive(Debug)]
pub(super) struct Draws {
    /// All there are; the first ones are those to be written.
    order: Vec<usize>,
    drawn: usize,
    draw: Draw,
    rng: Rng,
}

impl Draws {
    /// Always those of `pages`, which ascend.
    pub(super) fn of(pages: impl Iterator<Item = usize>) -> Self {
        let order: Vec<_> = pages.collect();
        Self { drawn: order.len(), order, draw: Draw::Same, rng: Rng::new(0) }
    }

    /// Draws `drawn` of `pages` pages at random, the same ones in every run.
    pub(super) fn random(pages: usize, drawn: usize, draw: Draw) -> Self {
        let mut draws = Self { drawn, draw, ..Self::of(0..pages) };
        draws.shuffle();
        draws
    }

    /// The pages to be written next, each once, in ascending order.
    pub(super) fn next_pages(&mut self) -> &[usize] {
        if self.draw == Draw::New {
            self.shuffle();
        }
        &self.order[..self.drawn]
    }

    fn shuffle(&mut self) {
        for at in 0..self.drawn {
            let other = at + self.rng.below(self.order.len() - at);
            self.order.swap(at, other);
        }
        self.order[..self.drawn].sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_pages_are_drawn_again_or_others_are() {
        for (draw, same) in [(Draw::Same, true), (Draw::New, false)] {
            let mut draws = Draws::random(1000, 100, draw);
            let first = draws.next_pages().to_vec();
            assert!(first.is_sorted_by(|a, b| a < b) && first.len() == 100);
            assert_eq!(draws.next_pages() == first, same);
        }
    }
}
