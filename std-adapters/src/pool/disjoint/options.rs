//! What a disjoint pool is made with.

use std::sync::Arc;

use super::settings::Settings;
use super::{DisjointPool, SharedLimit};
use crate::control::{Tree, Value};
use crate::pool::{PoolError, Tracked};

/// What a [`DisjointPool`] is made with; the names are those of Unified Memory Framework.
///
/// ```
/// # use std::sync::Arc;
/// # use anymem::pool::DisjointOptions;
/// let options = DisjointOptions::new().slab_min_size(1 << 20).capacity(64).name("frames");
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct DisjointOptions {
    pub(super) name: String,
    pub(super) slab_min_size: usize,
    pub(super) max_poolable_size: usize,
    pub(super) capacity: Option<usize>,
    pub(super) min_bucket_size: Option<usize>,
    pub(super) trace: u64,
    pub(super) limit: Option<Arc<SharedLimit>>,
    pub(super) thread_cache: usize,
}

impl DisjointOptions {
    /// What a pool has unless told otherwise: slabs of 64 KiB, up to 2 MiB pooled, 4 MiB
    /// of each size kept, 256 KiB of each size at hand for each thread; or what the
    /// [settings](crate::control) `pool.default.disjoint.params…` say.
    #[must_use]
    pub fn new() -> Self {
        let said = Tree::global().defaults("pool", "disjoint");
        let bytes = |name, fixed| said.bytes(name).unwrap_or(fixed);
        let auto = |name| said.get(name)?.as_auto_count()?.map(saturated);
        let fixed = Self::fixed();
        Self {
            slab_min_size: bytes("params.slab_min_size", fixed.slab_min_size),
            max_poolable_size: bytes("params.max_poolable_size", fixed.max_poolable_size),
            capacity: auto("params.capacity"),
            min_bucket_size: auto("params.min_bucket_size"),
            trace: said.count("params.pool_trace").unwrap_or(fixed.trace),
            thread_cache: bytes("params.thread_cache", fixed.thread_cache),
            ..fixed
        }
    }

    /// What new pools begin with, as the settings have it while nobody has said otherwise.
    pub(crate) fn settings() -> [(&'static str, Value); 6] {
        let fixed = Self::fixed();
        [
            ("params.slab_min_size", Value::Bytes(fixed.slab_min_size)),
            ("params.max_poolable_size", Value::Bytes(fixed.max_poolable_size)),
            ("params.capacity", Value::AutoCount(None)),
            ("params.min_bucket_size", Value::AutoCount(None)),
            ("params.pool_trace", Value::Count(fixed.trace)),
            ("params.thread_cache", Value::Bytes(fixed.thread_cache)),
        ]
    }

    fn fixed() -> Self {
        Self {
            name: "disjoint".to_owned(),
            slab_min_size: 64 << 10,
            max_poolable_size: 2 << 20,
            capacity: None,
            min_bucket_size: None,
            trace: 0,
            limit: None,
            thread_cache: 256 << 10,
        }
    }

    /// What the pool is called; `disjoint` unless told.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Bytes that the pool asks the provider for at least, to cut blocks of: 64 KiB unless
    /// told.
    #[must_use]
    pub fn slab_min_size(self, bytes: usize) -> Self {
        Self { slab_min_size: bytes, ..self }
    }

    /// Blocks of more bytes come from the provider one by one: 2 MiB unless told, 2 GiB at
    /// most, and 0 for all.
    #[must_use]
    pub fn max_poolable_size(self, bytes: usize) -> Self {
        Self { max_poolable_size: bytes, ..self }
    }

    /// How many slabs of each size the pool keeps that no block is taken of. Unless told, as
    /// many as make 4 MiB, 4 at least, and one for every eight that are in use.
    #[must_use]
    pub fn capacity(self, slabs: usize) -> Self {
        Self { capacity: Some(slabs), ..self }
    }

    /// Bytes that all blocks are multiples of, a power of two from 16 on: 16 unless told,
    /// where the CPU writes to the memory, and what the provider calls its
    /// [cache line](crate::provider::Provider::cache_line) where it does not.
    #[must_use]
    pub fn min_bucket_size(self, bytes: usize) -> Self {
        Self { min_bucket_size: Some(bytes), ..self }
    }

    /// What the pool tells on standard error, or [elsewhere](crate::control): 0 nothing, 1
    /// what it had when it goes and what goes wrong, 2 slabs that come and go as well, 3
    /// blocks that are a span each, too.
    #[must_use]
    pub fn trace(self, level: u64) -> Self {
        Self { trace: level, ..self }
    }

    /// A limit on the memory of this pool, and of others that have the same.
    #[must_use]
    pub fn limit(self, limit: Arc<SharedLimit>) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Bytes of each size that a thread keeps at hand at most, and 2048 blocks, but one at
    /// least; 256 KiB unless told.
    #[must_use]
    pub fn thread_cache(self, bytes: usize) -> Self {
        Self { thread_cache: bytes, ..self }
    }

    /// Lets threads keep nothing at hand: slower, and every block that is freed twice, or
    /// where none starts, is an error at once.
    #[must_use]
    pub fn strict(self) -> Self {
        self.thread_cache(0)
    }

    /// Makes the pool.
    ///
    /// ```
    /// # use std::{alloc::Layout, ptr::NonNull, sync::Arc};
    /// # use anymem::pool::{DisjointOptions, Pool, PoolError, Tracked};
    /// # use anymem::provider::Provider;
    /// # fn example(provider: Arc<dyn Provider>) -> Result<(), PoolError> {
    /// let pool = DisjointOptions::new().build(Tracked::new(provider)?)?;
    /// let block = pool.allocate(Layout::new::<[u64; 4]>())?;
    /// // SAFETY: the block is live, and not used any more.
    /// unsafe { pool.free(block) }?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PoolError::BadSetting`] for numbers that cannot be.
    pub fn build(self, memory: Tracked) -> Result<DisjointPool, PoolError> {
        let settings = Settings::new(&self, &memory)?;
        Ok(DisjointPool::from_parts(self, settings, memory))
    }
}

fn saturated(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

impl Default for DisjointOptions {
    fn default() -> Self {
        Self::new()
    }
}
