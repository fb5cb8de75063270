//! Free blocks of one lane that a thread has at hand.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::alloc::{Layout, alloc_zeroed, dealloc};

/// Free blocks of one lane that a thread has at hand.
///
/// Only its thread changes it, with plain loads and stores; others may count what is in
/// it.
///
/// # Invariants
///
/// - `first` to `last` are places, in this order, as many as there is room for and one
///   more; `top` is one of them.
/// - The first one is null, and those after it up to `top` are blocks.
/// - Without room, all three are [`NOWHERE`].
// As long as it is aligned, so that all of it is in one line of the processor's cache.
#[derive(Debug)]
#[repr(align(32))]
pub(super) struct Magazine {
    top: AtomicPtr<*mut u8>,
    last: AtomicPtr<*mut u8>,
    first: AtomicPtr<*mut u8>,
    /// How many blocks were ever taken out by [`pop`](Self::pop).
    popped: AtomicUsize,
}

/// The only place where there is no room. Nobody writes to it.
static NOWHERE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// What became of a block that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    Kept,
    /// There was no room.
    Full,
    /// It is the very block that was pushed last.
    Again,
}

impl Magazine {
    /// A magazine without room.
    pub(super) const fn new() -> Self {
        let nowhere = (&raw const NOWHERE).cast_mut().cast();
        Self {
            top: AtomicPtr::new(nowhere),
            last: AtomicPtr::new(nowhere),
            first: AtomicPtr::new(nowhere),
            popped: AtomicUsize::new(0),
        }
    }

    /// Takes the block that was pushed last.
    ///
    /// # Safety
    ///
    /// The magazine is the calling thread's.
    #[inline(always)]
    pub(super) unsafe fn pop(&self) -> Option<NonNull<u8>> {
        let top = self.top.load(Ordering::Relaxed);
        // SAFETY: a place (type invariant), which its thread alone writes to.
        let block = NonNull::new(unsafe { *top })?;
        // SAFETY: it is not the first place, for that is null.
        self.top.store(unsafe { top.sub(1) }, Ordering::Relaxed);
        self.popped.store(self.popped.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        Some(block)
    }

    /// Keeps a block, if there is room.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    #[inline(always)]
    pub(super) unsafe fn push(&self, block: NonNull<u8>) -> Pushed {
        let top = self.top.load(Ordering::Relaxed);
        if ptr::eq(top, self.last.load(Ordering::Relaxed)) {
            return Pushed::Full;
        }
        // SAFETY: a place (type invariant), which its thread alone writes to.
        if unsafe { *top } == block.as_ptr() {
            return Pushed::Again;
        }
        // SAFETY: it is not the last place, so there is one after it.
        let next = unsafe { top.add(1) };
        // SAFETY: as above.
        unsafe { *next = block.as_ptr() };
        // Release: a forked child may find the magazine as it is between any two steps,
        // and must not take what stood at the place for a block of it.
        self.top.store(next, Ordering::Release);
        Pushed::Kept
    }

    /// Whether the block is the one that was pushed last.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(super) unsafe fn is_last(&self, block: NonNull<u8>) -> bool {
        // SAFETY: passed on from the caller.
        unsafe { self.blocks() }.last() == Some(&block)
    }

    /// How many blocks are in it.
    pub(super) fn len(&self) -> usize {
        self.places_up_to(&self.top)
    }

    /// How many blocks were ever popped.
    pub(super) fn popped(&self) -> usize {
        self.popped.load(Ordering::Relaxed)
    }

    /// How many blocks it holds at most.
    pub(super) fn room(&self) -> usize {
        self.places_up_to(&self.last)
    }

    fn places_up_to(&self, place: &AtomicPtr<*mut u8>) -> usize {
        let first = self.first.load(Ordering::Relaxed).addr();
        (place.load(Ordering::Relaxed).addr() - first) / size_of::<*mut u8>()
    }

    /// Gets places for `room` blocks, which are more than it has, if there is memory.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop), and nobody counts what is in it.
    pub(super) unsafe fn grow(&self, room: usize) {
        let Some(layout) = layout(room) else { return };
        // SAFETY: the layout has a pointer at least.
        let places = unsafe { alloc_zeroed(layout) }.cast::<*mut u8>();
        if places.is_null() {
            return;
        }
        let (old, len) = (self.first.load(Ordering::Relaxed), self.len());
        // SAFETY: both have so many places, and the new ones are nobody else's.
        unsafe { ptr::copy_nonoverlapping(old, places, len + 1) };
        // SAFETY: passed on from the caller.
        unsafe { self.strip() };
        self.first.store(places, Ordering::Relaxed);
        // SAFETY: there are that many places behind the first one, and as many blocks.
        let (top, last) = unsafe { (places.add(len), places.add(room)) };
        self.top.store(top, Ordering::Relaxed);
        self.last.store(last, Ordering::Relaxed);
    }

    /// Takes its places away, and the blocks in them; then it is one without room.
    ///
    /// # Safety
    ///
    /// As for [`grow`](Self::grow).
    pub(super) unsafe fn strip(&self) {
        let (places, room) = (self.first.load(Ordering::Relaxed), self.room());
        let nowhere = (&raw const NOWHERE).cast_mut().cast();
        for place in [&self.top, &self.last, &self.first] {
            place.store(nowhere, Ordering::Relaxed);
        }
        if let Some(layout) = layout(room).filter(|_| room > 0) {
            // SAFETY: allocated in `grow` with this layout.
            unsafe { dealloc(places.cast(), layout) };
        }
    }

    /// The blocks in it, the one that was pushed last at the end.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop), for as long as the result is used.
    pub(super) unsafe fn blocks(&self) -> &[NonNull<u8>] {
        // SAFETY: the places after the first one are blocks, as many as there are.
        unsafe {
            core::slice::from_raw_parts(
                self.first.load(Ordering::Relaxed).add(1).cast(),
                self.len(),
            )
        }
    }

    /// Lets `take` write blocks to places of an empty magazine; `most` at most, as many
    /// as it says.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop). `take` writes as many as it says, and touches no
    /// magazine of this thread and lane.
    pub(super) unsafe fn fill<E>(
        &self,
        most: usize,
        take: impl FnOnce(&mut [*mut u8]) -> Result<usize, E>,
    ) -> Result<(), E> {
        let most = most.min(self.room());
        let first = self.first.load(Ordering::Relaxed);
        // SAFETY: there are so many places behind the first one.
        let taken = take(unsafe { core::slice::from_raw_parts_mut(first.add(1), most) })?;
        // SAFETY: as above.
        self.top.store(unsafe { first.add(taken.min(most)) }, Ordering::Relaxed);
        Ok(())
    }

    /// Drops the `count` blocks that were pushed first.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(super) unsafe fn forget(&self, count: usize) {
        let left = self.len().saturating_sub(count);
        let first = self.first.load(Ordering::Relaxed);
        // SAFETY: both are ranges of places behind the first one.
        unsafe { ptr::copy(first.add(1 + self.len() - left), first.add(1), left) };
        // SAFETY: as above.
        self.top.store(unsafe { first.add(left) }, Ordering::Relaxed);
    }
}

impl Drop for Magazine {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { self.strip() };
    }
}

fn layout(room: usize) -> Option<Layout> {
    Layout::array::<*mut u8>(room.checked_add(1)?).ok()
}
