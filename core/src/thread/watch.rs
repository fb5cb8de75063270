//! A waker that waits for a word to change.

use core::fmt;

/// That a waker [is called](super::ThreadModel::watch) when a word changes; until
/// this is dropped.
///
/// Who sleeps is woken one at a time, so a call is meant for whoever gets it. One
/// who looks what has changed [says so](Self::answer). Otherwise, when this is
/// dropped after the call, it is somebody else's turn.
#[must_use = "the waker is forgotten when this is dropped"]
pub struct Watch {
    number: u64,
    end: Option<fn(u64, Ending)>,
}

/// How a [`Watch`] ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Whoever watched looks what has changed.
    Answered,
    /// Nobody looks any more.
    Dropped,
}

impl Watch {
    /// The watch that its model knows as `number` and ends by `end`.
    pub const fn new(number: u64, end: fn(u64, Ending)) -> Self {
        Self { number, end: Some(end) }
    }

    /// The one of a waker that was called already.
    pub const fn over() -> Self {
        Self { number: 0, end: None }
    }

    /// Ends it, before its owner looks what has changed.
    pub fn answer(mut self) {
        self.end_by(Ending::Answered);
    }

    fn end_by(&mut self, ending: Ending) {
        if let Some(end) = self.end.take() {
            end(self.number, ending);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.end_by(Ending::Dropped);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({})", self.number)
    }
}
