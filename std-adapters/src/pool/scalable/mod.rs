//! oneTBB's scalable allocator over a provider.

mod farewell;
mod heap;
mod library;
mod options;

pub use options::ScalableOptions;

use core::alloc::Layout;
use core::ptr::NonNull;

use self::heap::Heap;
use super::fronted::{Fronted, fronted_pool};
use super::{PoolError, Tracked};

/// oneTBB's scalable allocator over any provider whose memory the CPU can touch.
///
/// Made by [`ScalableOptions::build`]. `libtbbmalloc.so.2` is loaded when the first pool is
/// made; where it is missing, that is [`PoolError::Library`], which says what to install.
///
/// In front of the library threads keep blocks at hand, which it does as well: a block comes
/// and goes in fewer instructions so. Spans that nothing is in go back when the pool is
/// [trimmed](super::Pool::trim), unless it was told to [keep
/// all](ScalableOptions::keep_all_memory), and all when it is dropped.
///
/// The library has a key of `pthread_key_create` for each pool, of which a process can have
/// 1024. Dropping a pool waits for threads that have used any pool of this kind and are just
/// ending, until the destructors of their thread-local values have run: hold no lock then
/// that such a destructor wants. Forking waits for them as well, for up to a second.
///
/// ```no_run
/// use std::sync::Arc;
///
/// use anymem::pool::{Pool, ScalableOptions, Tracked};
/// use anymem::provider::OsProvider;
/// # use core::alloc::Layout;
/// let memory = Tracked::new(Arc::new(OsProvider::new()?))?;
/// let pool = ScalableOptions::new().build(memory)?;
/// let block = pool.allocate(Layout::new::<[u64; 10]>())?;
/// // SAFETY: the block is live, and not used any more.
/// unsafe { pool.free(block) }?;
/// # Ok::<(), anymem::pool::PoolError>(())
/// ```
pub struct ScalablePool {
    inner: Fronted<Heap>,
    name: String,
}

impl ScalablePool {
    fn on(memory: Tracked, options: ScalableOptions) -> Result<Self, PoolError> {
        let heap = Heap::new(memory, &options)?;
        Ok(Self { inner: Fronted::new(heap, options.thread_cache), name: options.name })
    }
}

fronted_pool!(ScalablePool);
