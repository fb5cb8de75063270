//! Tests of one program that take turns.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Lets one after the other go on who would disturb each other: from here on until what this
/// returns is dropped.
#[allow(unreachable_pub, reason = "`anymem-tests` has this file, too")]
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
