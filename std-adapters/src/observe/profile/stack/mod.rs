//! The calls that led here.

#[cfg(unix)]
mod posix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use posix::walk;
#[cfg(windows)]
use windows::walk;

/// Calls that are told at most, the innermost ones.
const DEPTH: usize = 128;

/// Addresses of the calls, innermost first.
pub(super) struct Stack {
    frames: [usize; DEPTH],
    len: usize,
}

impl Stack {
    #[inline(never)]
    pub(super) fn walk() -> Self {
        let mut stack = Self { frames: [0; DEPTH], len: 0 };
        walk(&mut stack);
        stack
    }

    pub(super) fn frames(&self) -> &[usize] {
        &self.frames[..self.len]
    }
}
