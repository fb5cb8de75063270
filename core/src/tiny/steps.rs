//! How much a call did, for whoever wants it counted.

/// What a heap tells of its work: a step is a block, or a word of the metadata, that it
/// looked at.
pub trait Steps: Default {
    /// One more.
    fn step(&mut self);
}

/// Nobody counts: no code, no bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Uncounted;

impl Steps for Uncounted {
    #[inline]
    fn step(&mut self) {}
}

/// Counts the steps.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted(
    /// How many there were.
    pub u32,
);

impl Steps for Counted {
    fn step(&mut self) {
        self.0 = self.0.saturating_add(1);
    }
}
