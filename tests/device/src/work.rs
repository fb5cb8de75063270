//! What each thread of a grid does in a heap, whatever the threads are.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

use anymem_core::allocator::{Allocator, ThreadLocalAllocator};
use anymem_core::backend::ArrayBackend;
use anymem_core::offset::Offset;
use anymem_core::sync::atomic::AtomicUsize;
use anymem_core::sync::ring::{Blocked, Ring, RingParts, SEATS, Seat, Slots};
use anymem_core::sync::{Arena, Bytes, Native, RobustLock};
use anymem_core::thread::{Context, ThreadModel};

const WORD: usize = size_of::<usize>();

/// The word number `index` after `at`.
fn word_at(at: Offset, index: usize) -> Offset {
    at.add(index.wrapping_mul(WORD))
}

/// Counts the thread in `count`, in two steps that only the lock at `lock` makes one.
pub(crate) fn count(heap: Bytes<'_>, lock: Offset, count: Offset, model: &impl ThreadModel) {
    let _held = RobustLock::at(&heap, lock).lock(model);
    let count = heap.word(count);
    count.store(count.load(Relaxed).wrapping_add(1), Relaxed);
}

/// The states of a ring's slots, one word after the other.
pub(crate) struct States<'h> {
    heap: Bytes<'h>,
    at: Offset,
}

impl Slots<Native> for States<'_> {
    fn state(&self, index: usize) -> &AtomicUsize {
        self.heap.word(word_at(self.at, index))
    }
}

/// How many words stand before the states of a ring's slots; the values follow those.
pub(crate) const BEFORE_SLOTS: usize = 3 + SEATS;

/// A ring of 2 to the power of `log` slots whose words begin at `at`.
pub(crate) struct Numbers<'h> {
    heap: &'h Bytes<'h>,
    ring: Ring<'h, States<'h>>,
    values: Offset,
}

impl<'h> Numbers<'h> {
    /// The ring there, if the heap has room for it.
    pub(crate) fn new(heap: &'h Bytes<'h>, at: Offset, log: u32) -> Option<Self> {
        let slots = 1_usize.checked_shl(log).filter(|_| at.get().is_multiple_of(WORD))?;
        let states = word_at(at, BEFORE_SLOTS);
        let values = word_at(states, slots);
        let seats = heap.slice(word_at(at, 3), SEATS * WORD)?;
        heap.slice(values, slots.checked_mul(WORD)?)?;
        // SAFETY: so many aligned words are inside, and all of a heap's are used as atomics.
        let seats = unsafe { NonNull::slice_from_raw_parts(seats.cast(), SEATS).as_ref() };
        let [tail, head, closed] = [0, 1, 2].map(|index| heap.word(word_at(at, index)));
        let parts = RingParts { tail, head, closed, seats };
        Some(Self { heap, ring: Ring::new(States { heap: *heap, at: states }, log, parts), values })
    }

    /// Puts a number into the ring; whether there was room.
    pub(crate) fn push(&self, number: usize, model: &impl ThreadModel) -> bool {
        let Some(seat) = self.seat(model) else { return false };
        loop {
            match self.ring.claim_room(seat) {
                Ok(place) => {
                    self.heap.word(word_at(self.values, place.index())).store(number, Relaxed);
                    self.ring.fill(place);
                    return true;
                }
                Err(Blocked::Busy(_)) => model.yield_now(),
                Err(_) => return false,
            }
        }
    }

    /// The seat of the process for which the thread acts, if there is one left.
    fn seat(&self, model: &impl ThreadModel) -> Option<Seat> {
        loop {
            match self.ring.seat(model.owner(), model) {
                // Another thread of the process is about to have one.
                Err(Blocked::Idle) => model.yield_now(),
                seat => return seat.ok(),
            }
        }
    }
}

/// Allocates a block of the heap for the thread, and writes its number into it; where it is,
/// or null.
///
/// # Safety
///
/// The bytes are a heap, which others use as such alone.
pub(crate) unsafe fn allocate(heap: Bytes<'_>, model: impl ThreadModel) -> Offset {
    let number = model.thread_id().0;
    // SAFETY: that is what the caller promises.
    let memory = unsafe { ArrayBackend::<65536>::from_raw(heap.base(), heap.len()) };
    let Ok(heap) = ThreadLocalAllocator::<_, _>::attach(memory, model) else {
        return Offset::NULL;
    };
    let layout = Layout::new::<u64>();
    let Ok(block) = heap.allocate(Context::DEFAULT, layout) else { return Offset::NULL };
    if let Some(at) = heap.resolve(block, layout.size()) {
        // SAFETY: the block was just allocated, with that layout.
        unsafe { at.cast().write(number) };
    }
    block
}
