//! What a creator of a jemalloc pool chooses.

use std::thread;

use super::JemallocPool;
use crate::pool::fronted::KEPT;
use crate::pool::{PoolError, Tracked};

/// How a [`JemallocPool`] is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JemallocOptions {
    pub(super) name: String,
    pub(super) arenas: usize,
    pub(super) thread_cache: usize,
}

/// The most arenas that a pool may have unless told otherwise: what they are for, the caches
/// do better.
const ARENAS: usize = 4;

impl Default for JemallocOptions {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let arenas = cores.min(ARENAS);
        Self { name: "jemalloc".to_owned(), arenas, thread_cache: KEPT }
    }
}

impl JemallocOptions {
    /// As many arenas as there are cores, up to 4, and caches of 128 KiB.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the pool is called.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// How many arenas there may be; threads share them. Each is made when a thread first
    /// needs it, and takes 2 MiB of addresses for what jemalloc itself needs to know.
    #[must_use]
    pub fn arenas(self, arenas: usize) -> Self {
        Self { arenas, ..self }
    }

    /// Bytes of each size that a thread keeps at hand at most, but for two blocks; 0 for no
    /// thread to keep any.
    #[must_use]
    pub fn thread_cache(self, bytes: usize) -> Self {
        Self { thread_cache: bytes, ..self }
    }

    /// Makes the pool.
    ///
    /// # Errors
    ///
    /// [`ProviderError::Unsupported`](crate::provider::ProviderError::Unsupported) if the
    /// CPU cannot touch the provider's memory, or the provider cannot split spans at
    /// multiples of 4 KiB: put a [coarse layer](crate::provider::CoarseProvider) in
    /// between then. It has no memory, or the process has too many pools or arenas.
    pub fn build(self, memory: Tracked) -> Result<JemallocPool, PoolError> {
        JemallocPool::on(memory, self)
    }
}
