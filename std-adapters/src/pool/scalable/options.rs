//! What a creator of a scalable pool chooses.

use super::ScalablePool;
use crate::pool::fronted::KEPT;
use crate::pool::{PoolError, Tracked};
use crate::size::Size;

/// How a [`ScalablePool`] is to be made.
///
/// ```
/// use anymem::Size;
/// use anymem::pool::ScalableOptions;
/// let options = ScalableOptions::new().name("frames").granularity(Size::mib(4));
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalableOptions {
    pub(super) name: String,
    pub(super) granularity: Size,
    pub(super) keep_all_memory: bool,
    pub(super) thread_cache: usize,
}

impl Default for ScalableOptions {
    fn default() -> Self {
        let name = "scalable".to_owned();
        Self { name, granularity: Size::mib(2), keep_all_memory: false, thread_cache: KEPT }
    }
}

impl ScalableOptions {
    /// Spans of 2 MiB, which go back when nothing is in them, and caches of 128 KiB.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the pool is called.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The bytes that requests to the provider are multiples of.
    #[must_use]
    pub fn granularity(self, granularity: impl Into<Size>) -> Self {
        Self { granularity: granularity.into(), ..self }
    }

    /// Whether spans stay the pool's until it is dropped.
    #[must_use]
    pub fn keep_all_memory(self, keep: bool) -> Self {
        Self { keep_all_memory: keep, ..self }
    }

    /// Bytes of each size that a thread keeps at hand at most, but for two blocks; 0 for
    /// the library alone to keep some.
    #[must_use]
    pub fn thread_cache(self, bytes: usize) -> Self {
        Self { thread_cache: bytes, ..self }
    }

    /// Makes the pool.
    ///
    /// # Errors
    ///
    /// [`PoolError::Library`] where oneTBB is not installed, [`PoolError::BadSetting`] for a
    /// granularity that it does not take; the CPU cannot touch the provider's memory, or it has
    /// none.
    pub fn build(self, memory: Tracked) -> Result<ScalablePool, PoolError> {
        ScalablePool::on(memory, self)
    }
}
