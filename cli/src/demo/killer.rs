//! When to kill a worker, and which.

use std::time::{Duration, Instant};

use fastrand::Rng;

/// The longest time between two kills: a worker starts and counts some files in
/// it.
const LONGEST: Duration = Duration::from_millis(10);

/// Picks workers to be killed at random moments.
#[derive(Debug)]
pub(crate) struct Killer {
    random: Rng,
    left: u32,
    due: Instant,
}

impl Killer {
    /// One that picks `kills` workers, whom and when as `seed` has it.
    pub(crate) fn new(kills: u32, seed: u64) -> Self {
        let mut killer = Self { random: Rng::with_seed(seed), left: kills, due: Instant::now() };
        killer.rest();
        killer
    }

    /// How long until the next is due; `None` if there are no more.
    pub(crate) fn pause(&self) -> Option<Duration> {
        (self.left > 0).then(|| self.due.saturating_duration_since(Instant::now()))
    }

    /// Which of `victims` workers to kill, if it is time.
    pub(crate) fn pick(&mut self, victims: usize) -> Option<usize> {
        if victims == 0 || self.pause() != Some(Duration::ZERO) {
            return None;
        }
        self.left -= 1;
        self.rest();
        Some(self.random.usize(..victims))
    }

    /// Draws the next moment: mostly soon, so that a short count has kills too.
    fn rest(&mut self) {
        self.due = Instant::now() + LONGEST.mul_f64(self.random.f64().powi(3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(kills: u32, seed: u64) -> Vec<usize> {
        let mut killer = Killer::new(kills, seed);
        let mut picks = Vec::new();
        while killer.pause().is_some() {
            assert_eq!(killer.pick(0), None);
            picks.extend(killer.pick(100));
        }
        assert_eq!(killer.pick(100), None);
        picks
    }

    #[test]
    fn as_many_are_picked_as_were_asked_for() {
        assert_eq!(picks(0, 1).len(), 0);
        assert_eq!(picks(3, 1).len(), 3);
    }

    #[test]
    fn a_seed_decides() {
        assert_eq!(picks(16, 1), picks(16, 1));
        assert_ne!(picks(16, 1), picks(16, 2));
    }
}
