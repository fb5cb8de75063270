//! How much of programs is measured.

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Runs of each program on each library.
    pub rounds: usize,
    /// The share of the full work that the programs do.
    pub percent: u32,
}

impl Plan {
    /// The default: a quarter of an hour for everything.
    pub const FULL: Self = Self { rounds: 7, percent: 100 };
    /// A first look in two minutes, too noisy to be quoted.
    pub const QUICK: Self = Self { rounds: 3, percent: 10 };
}
