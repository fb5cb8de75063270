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

    /// One of `victims`, if it is time.
    pub(crate) fn pick<'v, T>(&mut self, victims: &'v mut [T]) -> Option<&'v mut T> {
        if victims.is_empty() || self.pause() != Some(Duration::ZERO) {
            return None;
        }
        self.left -= 1;
        self.rest();
        let index = self.random.usize(..victims.len());
        victims.get_mut(index)
    }

    /// Draws the next moment: mostly soon, so that a short count has kills too.
    fn rest(&mut self) {
        self.due = Instant::now() + LONGEST.mul_f64(self.random.f64().powi(3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_are_picked_as_were_asked_for() {
        let mut killer = Killer::new(3, 1);
        let mut picked = 0;
        while killer.pause().is_some() {
            assert_eq!(killer.pick::<u8>(&mut []), None);
            picked += usize::from(killer.pick(&mut [1, 2]).is_some());
        }
        assert_eq!(picked, 3);
        assert_eq!(killer.pick(&mut [1]), None);
    }

    #[test]
    fn a_seed_decides() {
        let picks = |seed| {
            let mut killer = Killer::new(16, seed);
            let mut victims: [usize; 100] = core::array::from_fn(|index| index);
            let mut picks = Vec::new();
            while killer.pause().is_some() {
                picks.extend(killer.pick(&mut victims).copied());
            }
            picks
        };
        assert_eq!(picks(1), picks(1));
        assert_ne!(picks(1), picks(2));
    }
}
