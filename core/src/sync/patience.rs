//! How long a waiter waits, one slice after the other.

use core::time::Duration;

use crate::thread::{NAP, ThreadModel};

/// How long a waiter sleeps before it looks whether something is wrong: the
/// holder died, or whoever was woken did.
const SLICE: Duration = Duration::from_millis(10);

/// What is left of a waiter's patience.
#[derive(Debug, Clone, Copy)]
pub enum Patience {
    /// It does not end.
    Endless,
    /// It ends at this time of the model's clock.
    Until(Duration),
    /// It ends after so many looks, for there is no clock.
    Looks(u64),
}

impl Patience {
    /// Patience for so long, from now on.
    #[must_use]
    pub fn of<M: ThreadModel + ?Sized>(most: Duration, model: &M) -> Self {
        match model.clock() {
            Some(now) => now.checked_add(most).map_or(Self::Endless, Self::Until),
            None => Self::looks_in(most),
        }
    }

    fn looks_in(most: Duration) -> Self {
        let looks = most.as_micros().div_ceil(NAP.as_micros());
        u64::try_from(looks).map_or(Self::Endless, Self::Looks)
    }

    /// For how long to sleep next; `None` once patience has ended.
    #[must_use]
    pub fn slice<M: ThreadModel + ?Sized>(&mut self, model: &M) -> Option<Duration> {
        match self {
            Self::Endless => Some(SLICE),
            Self::Until(end) => {
                let left = end.saturating_sub(model.clock().unwrap_or(*end));
                (!left.is_zero()).then(|| left.min(SLICE))
            }
            Self::Looks(left) => {
                *left = left.checked_sub(1)?;
                Some(NAP)
            }
        }
    }
}
