//! Choices, made by whoever searches for a failure.

use crate::Random;

/// Makes choices: a generator with a seed, or a fuzzer's bytes.
pub trait Choices {
    /// Any 64 bits.
    fn bits(&mut self) -> u64;

    /// A number below `bound`, which is not 0.
    fn below(&mut self, bound: usize) -> usize;
}

impl Choices for Random {
    fn bits(&mut self) -> u64 {
        Self::bits(self)
    }

    fn below(&mut self, bound: usize) -> usize {
        Self::below(self, bound)
    }
}

/// Bytes that choices are read from; zeroes when they are used up.
///
/// A choice takes as many bytes as it needs and no more, so that a fuzzer that
/// changes one of them changes one choice.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Choices from `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all bytes were read.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.rest.is_empty()
    }

    fn number(&mut self, len: usize) -> u64 {
        let (now, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        now.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

impl Choices for Input<'_> {
    fn bits(&mut self) -> u64 {
        self.number(8)
    }

    fn below(&mut self, bound: usize) -> usize {
        let len = match bound - 1 {
            0 => 0,
            1..0x100 => 1,
            0x100..0x1_0000 => 2,
            _ => 4,
        };
        self.number(len) as usize % bound
    }
}

/// What the seed `seed` gives a driver to read: up to 2 KiB.
#[must_use]
pub fn bytes_of(seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    let len = 64 << random.below(6);
    (0..len / 8).flat_map(|_| random.bits().to_le_bytes()).collect()
}
