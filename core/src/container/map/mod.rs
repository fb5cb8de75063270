//! A hash map that several processes read and write at the same time.

mod bulk;
mod entry;
mod group;
mod growth;
mod home;
mod key;
mod locked;
mod lookup;
mod open;
mod read;
mod repair;
mod search;
mod seen;
mod shard;
mod table;
mod table_word;
mod text;
mod traits;
mod visits;

pub use entry::{Entry, OccupiedEntry, VacantEntry};
pub use key::{ShmKey, Unlocked};
pub use open::OpenMap;

use core::hash::{BuildHasher, Hash};
use core::marker::PhantomData;
use core::mem;
use core::slice;

use foldhash::fast::FixedState;

use self::home::{Home, hash_of, shard_of};
use self::shard::Shard;
use super::heap::{Heap, array_layout, in_order};
use super::{ContainerError, ShmSafe};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, Offset, OffsetPtr};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The bits of a hash that choose the shard.
const MOST_SHARDS: usize = 1 << 16;

/// A concurrent `HashMap<K, V>` in a heap: shared by reference, changed by all.
///
/// The entries are spread over shards, each with a lock and a table of its own
/// (open addressing, seven of eight slots in use at most). A call that changes
/// something takes the lock of one shard. Calls that visit all entries take one
/// after the other, so they see each entry in a state that it had, but not all at
/// one moment.
///
/// # Reading
///
/// [`get`](Self::get), [`with`](Self::with), [`contains_key`](Self::contains_key),
/// [`get_str`](Self::get_str) and [`len`](Self::len) take no lock and write
/// nothing, if keys and values are of the kinds in the table. They wait for nobody,
/// and work in a heap that is opened read-only.
///
/// | | without lock |
/// |---|---|
/// | keys | [plain](ShmSafe::PLAIN) ones, and `ShmString` searched by `&str` |
/// | values | plain ones (`get`, `with`), `ShmString` (`get_str`), any (`contains_key`, `len`) |
///
/// Such a reader tries again where a writer got in between, and after 200 tries
/// takes the lock, or gives up where it may not
/// ([`ContainerError::Busy`]). In other cases reading takes the lock, and in a heap
/// that is opened read-only answers with an error.
///
/// # Waiting
///
/// Closures that may change something, and entries, hold the lock of a shard. They
/// must be short, and must not use the same map, for the thread would wait for
/// itself. A closure that panics releases the lock. A lock that is not had within
/// ten seconds (some milliseconds in a system that cannot sleep) is an error,
/// [`ContainerError::Busy`]: somebody keeps it, or the heap is damaged.
///
/// # When a process dies
///
/// If a process dies while it holds a lock, the next one to come takes it over,
/// and finds every entry whole; what the dead one was just adding or removing
/// may be lost. Plain values change at once, at the end of the closure that gets
/// the `&mut V`. Others change where they are: one that the dead one was changing
/// is [settled](super::Trace::settle). If the change took several steps, some of them
/// were done: [`recoveries`](Self::recoveries) tells that it may have happened.
///
/// The hash function has a seed of its own in every map, and is the same in all
/// processes; `Hash` of `K` must feed it the same in all of them, too.
#[repr(C)]
pub struct ShmHashMap<K: ShmSafe, V: ShmSafe> {
    heap: AllocatorId,
    seed: u64,
    shards: OffsetPtr<Shard>,
    /// Number of shards, a power of two, minus 1.
    mask: usize,
    _owns: PhantomData<(K, V)>,
}

// SAFETY: entries are reached under their shard's lock only, by one thread at a
// time, so they are sent between threads and never shared. Who has no lock gets
// copies of plain ones.
unsafe impl<K: ShmSafe + Send, V: ShmSafe + Send> Sync for ShmHashMap<K, V> {}

impl<K: ShmSafe, V: ShmSafe> ShmHashMap<K, V> {
    /// Shards of a map that [`new_in`](Self::new_in) makes: enough that some
    /// tens of threads rarely meet.
    pub const DEFAULT_SHARDS: usize = 64;

    /// The most shards a map can have.
    pub const MOST_SHARDS: usize = MOST_SHARDS;

    /// An empty map in `heap`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Result<Self, ContainerError> {
        Self::with_shards_in(Self::DEFAULT_SHARDS, heap)
    }

    /// An empty map with at least `shards` shards, rounded up to a power of two
    /// of at most [`MOST_SHARDS`](Self::MOST_SHARDS).
    ///
    /// A shard takes 128 bytes, and two tables' worth of room while it grows.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn with_shards_in(
        shards: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let found = Heap::find(heap.id())?;
        let shards = shards.clamp(1, Self::MOST_SHARDS).next_power_of_two();
        let (at, start) = found.allocate::<Shard>(array_layout::<Shard>(shards)?, shards)?;
        // SAFETY: the block was just handed out; zero bytes are empty shards.
        unsafe { start.write_bytes(0, shards) };
        Ok(Self {
            heap: heap.id(),
            seed: seed(found, at),
            shards: OffsetPtr::new(at),
            mask: shards - 1,
            _owns: PhantomData,
        })
    }

    /// The id of the heap that the entries live in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> usize {
        self.mask.wrapping_add(1)
    }

    /// How many entries there are: exact while nobody changes the map.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn len(&self) -> Result<usize, ContainerError> {
        self.sum(Shard::len)
    }

    /// Whether there are no entries.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn is_empty(&self) -> Result<bool, ContainerError> {
        Ok(self.len()? == 0)
    }

    /// How many entries there is room for, were they spread evenly.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn capacity(&self) -> Result<usize, ContainerError> {
        self.sum(Shard::capacity)
    }

    /// How often a shard was taken over from a process that died holding it.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the map is damaged.
    pub fn recoveries(&self) -> Result<usize, ContainerError> {
        self.sum(Shard::recoveries)
    }

    fn sum(&self, count: impl Fn(&Shard) -> usize) -> Result<usize, ContainerError> {
        let (_, shards) = self.find()?;
        Ok(shards.iter().map(count).fold(0, usize::wrapping_add))
    }

    /// The heap and the shards, of which there is one at least.
    #[inline]
    fn find(&self) -> Result<(Heap, &[Shard]), ContainerError> {
        let heap = Heap::find(self.heap)?;
        let last = self.mask;
        if last >= MOST_SHARDS {
            return Err(ContainerError::Corrupt);
        }
        let shards = heap.array::<Shard>(self.shards.offset(), last + 1)?;
        // SAFETY: in the heap and aligned (`array`), and there for as long as the
        // map is; all of a shard is atomic, and any bits are a shard.
        Ok((heap, unsafe { slice::from_raw_parts(shards.as_ptr(), last + 1) }))
    }

    /// Where `query` belongs.
    #[inline]
    fn home<Q: ?Sized>(&self, query: &Q) -> Result<Home<'_, K, V>, ContainerError>
    where
        K: ShmKey<Q>,
    {
        let (heap, shards) = self.find()?;
        let hash = hash_of::<K, Q>(self.seed, query);
        // SAFETY: masked with the last one's number, and there is one.
        let shard = unsafe { shards.get_unchecked(shard_of(hash, shards.len() - 1)) };
        Ok(Home { map: self, heap, shard, hash })
    }

    /// The hash function, for keys that are in the map.
    fn rehash(&self) -> impl Fn(&K) -> u64 + use<K, V>
    where
        K: Hash,
    {
        let state = FixedState::with_seed(self.seed);
        move |key| state.hash_one(key)
    }

    /// Drops all that belongs to the map.
    fn destroy(&mut self) -> Result<(), ContainerError> {
        let heap = Heap::find(self.heap)?;
        let (count, layout) = (self.shards(), array_layout::<Shard>(self.shards())?);
        // In a heap that was damaged so as to go in circles, the map is met
        // again: it must be empty then.
        let at = mem::replace(&mut self.shards, OffsetPtr::NULL).offset();
        in_order();
        let first = heap.array::<Shard>(at, count)?;
        for index in 0..count {
            // SAFETY: one of those that lie in the heap (`array`); the map was the
            // only one to know of them.
            unsafe { first.add(index).as_mut() }.own::<K, V>(heap)?.destroy();
        }
        // SAFETY: as above, and they are empty.
        unsafe { heap.free(at, layout) };
        Ok(())
    }
}

/// A seed that is hard to guess and differs from map to map.
fn seed(heap: Heap, shards: Offset) -> u64 {
    static MAPS: AtomicUsize = AtomicUsize::new(0);
    let owner = heap.model().owner();
    let count = MAPS.fetch_add(1, Ordering::Relaxed);
    let id = heap.allocator().id().to_u64();
    // The address adds what address space randomisation knows.
    let address = core::ptr::from_ref(&MAPS).addr();
    FixedState::default().hash_one((owner, count, id, shards, address))
}
