//! Who is sampled when, and what is made of the samples.
//!
//! In each round every contestant gives one sample, and each round begins with
//! another contestant: whatever slows the machine down for a while slows all of
//! them, and nobody always follows the same neighbour. The figure of a
//! contestant is the median of its rounds.

/// Returns the indices of `contestants` contestants, in the order of their turns.
pub(crate) fn turns(rounds: usize, contestants: usize) -> impl Iterator<Item = usize> {
    (0..rounds)
        .flat_map(move |round| (0..contestants).map(move |turn| (round + turn) % contestants))
}

/// The samples of one contestant, in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Sorts the samples, of which there is at least one.
    pub(crate) fn new(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self(samples)
    }

    /// Returns the median.
    pub(crate) fn median(&self) -> f64 {
        let (low, high) = ((self.0.len() - 1) / 2, self.0.len() / 2);
        (self.0[low] + self.0[high]) / 2.0
    }

    /// Returns the least sample.
    pub(crate) fn least(&self) -> f64 {
        self.0[0]
    }

    /// Returns the greatest sample.
    pub(crate) fn greatest(&self) -> f64 {
        self.0[self.0.len() - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_two_in_the_middle() {
        assert_eq!(Samples::new(vec![9.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Samples::new(vec![9.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert_eq!(Samples::new(vec![7.0]).median(), 7.0);
    }

    #[test]
    fn each_round_begins_with_another() {
        assert_eq!(turns(3, 3).collect::<Vec<_>>(), [0, 1, 2, 1, 2, 0, 2, 0, 1]);
    }
}
