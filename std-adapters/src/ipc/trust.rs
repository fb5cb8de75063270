//! Whose memory this process takes, and to whom it hands its own.

use std::sync::{PoisonError, RwLock};

static OTHERS: RwLock<Vec<u32>> = RwLock::new(Vec::new());

/// Takes memory of the user `uid` and hands memory to him, as with this process's own
/// user, who always is trusted.
///
/// Whoever has memory mapped that others write to must expect it to change at any time;
/// and who may truncate the file can end this process by a signal.
pub fn trust_user(uid: u32) {
    let mut others = OTHERS.write().unwrap_or_else(PoisonError::into_inner);
    if !others.contains(&uid) {
        others.push(uid);
    }
}

/// Whether this process trusts a user.
pub(super) fn trusts(uid: u32) -> bool {
    uid == rustix::process::geteuid().as_raw()
        || OTHERS.read().unwrap_or_else(PoisonError::into_inner).contains(&uid)
}
