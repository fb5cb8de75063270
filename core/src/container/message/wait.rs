//! Waiting for a message or for room: first awake, then asleep.

use core::time::Duration;

use super::MessageError;
use crate::sync::{Patience, Signal};
use crate::thread::ThreadModel;

/// Looks before a waiter sleeps: whoever is about to send does so within some
/// hundred nanoseconds.
const SPINS: u32 = 128;

/// How long somebody waits.
#[derive(Debug, Clone, Copy)]
pub(super) enum Most {
    /// Not at all.
    Nothing,
    /// For so long.
    Time(Duration),
    /// Until there is something.
    Endless,
}

impl Most {
    /// The patience of who waits; `None` where nobody does.
    pub(super) fn patience(self, model: &dyn ThreadModel) -> Option<Patience> {
        match self {
            Self::Nothing => None,
            Self::Time(most) => Some(Patience::of(most, model)),
            Self::Endless => Some(Patience::Endless),
        }
    }
}

/// What `attempt` answers, which is asked again when `signal` is told.
///
/// Its argument is whether to look for the dead. `none` is what is wrong where
/// nobody waits.
pub(super) fn wait<R>(
    signal: &Signal<'_>,
    patience: Option<&mut Patience>,
    none: MessageError,
    model: &dyn ThreadModel,
    mut attempt: impl FnMut(bool) -> Option<Result<R, MessageError>>,
) -> Result<R, MessageError> {
    if let Some(done) = attempt(false) {
        return done;
    }
    let Some(patience) = patience else { return Err(none) };
    for _ in 0..SPINS {
        core::hint::spin_loop();
        if let Some(done) = attempt(false) {
            return done;
        }
    }
    signal.wait_for(patience, model, || attempt(true)).unwrap_or(Err(MessageError::TimedOut))
}
