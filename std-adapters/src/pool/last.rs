//! What failed last, for each thread.

use core::cell::RefCell;

use super::PoolError;
use crate::provider::{Provider, ProviderError};

/// Pools of which a thread remembers what failed last.
const MOST: usize = 16;

struct Last {
    pools: RefCell<Vec<(u64, PoolError)>>,
    provider: RefCell<Option<(String, ProviderError)>>,
}

thread_local! {
    static LAST: Last =
        const { Last { pools: RefCell::new(Vec::new()), provider: RefCell::new(None) } };
}

/// The name of the provider that failed last in the calling thread, when some pool asked
/// it for something, and why. (`umfGetLastFailedMemoryProvider`)
#[must_use]
pub fn last_provider_error() -> Option<(String, ProviderError)> {
    LAST.try_with(|last| last.provider.try_borrow().ok()?.clone()).ok()?
}

/// A provider failed.
#[cold]
pub(super) fn note_provider(provider: &dyn Provider, error: &ProviderError) {
    // Where the thread is ending nobody will ask.
    let _ = LAST.try_with(|last| {
        if let Ok(mut place) = last.provider.try_borrow_mut() {
            *place = Some((provider.name().to_owned(), error.clone()));
        }
    });
}

/// A pool failed.
#[cold]
pub(super) fn note(pool: u64, error: &PoolError) {
    let _ = LAST.try_with(|last| {
        let Ok(mut pools) = last.pools.try_borrow_mut() else { return };
        pools.retain(|(other, _)| *other != pool);
        if pools.len() >= MOST {
            pools.remove(0);
        }
        pools.push((pool, error.clone()));
    });
}

/// What failed last of a pool.
pub(super) fn of(pool: u64) -> Option<PoolError> {
    let find = |last: &Last| {
        let pools = last.pools.try_borrow().ok()?;
        pools.iter().find(|(other, _)| *other == pool).map(|(_, error)| error.clone())
    };
    LAST.try_with(find).ok()?
}
