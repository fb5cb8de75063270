//! Free blocks of one lane that a thread has at hand.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::alloc::{Layout, alloc_zeroed, dealloc};

/// Free blocks of one lane that a thread has at hand.
///
/// Only its thread changes it, with plain loads and stores; others may count what is in
/// it. All zero it is a magazine without room.
///
/// # Invariants
///
/// - `places` is null and `room` 0, or `places` points to `room + 1` pointers, of which
///   the first is null and the next `len` are blocks.
/// - `len <= room`.
// As long as it is aligned, so that all of it is in one line of the processor's cache.
#[derive(Debug)]
#[repr(align(32))]
pub(super) struct Magazine {
    places: AtomicPtr<*mut u8>,
    len: AtomicUsize,
    room: AtomicUsize,
    /// How many blocks were ever taken out by [`pop`](Self::pop).
    popped: AtomicUsize,
}

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
        Self {
            places: AtomicPtr::new(ptr::null_mut()),
            len: AtomicUsize::new(0),
            room: AtomicUsize::new(0),
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
        let len = self.len.load(Ordering::Relaxed);
        if len == 0 {
            return None;
        }
        // SAFETY: `len` is not 0, so there are places, and one with this number (type
        // invariant).
        let block = unsafe { *self.places.load(Ordering::Relaxed).add(len) };
        self.len.store(len - 1, Ordering::Relaxed);
        self.popped.store(self.popped.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        // SAFETY: only blocks are at the places up to `len`.
        Some(unsafe { NonNull::new_unchecked(block) })
    }

    /// Keeps a block, if there is room.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    #[inline(always)]
    pub(super) unsafe fn push(&self, block: NonNull<u8>) -> Pushed {
        let len = self.len.load(Ordering::Relaxed);
        if len == self.room.load(Ordering::Relaxed) {
            return Pushed::Full;
        }
        // SAFETY: there is room, so there are places, of which this is one.
        let last = unsafe { self.places.load(Ordering::Relaxed).add(len) };
        // SAFETY: as above; it was written, or is the null in front.
        if unsafe { *last } == block.as_ptr() {
            return Pushed::Again;
        }
        // SAFETY: as `len < room`, this is a place too.
        unsafe { *last.add(1) = block.as_ptr() };
        // Release: a forked child may find the magazine as it is between any two steps,
        // and must not take what stood at the place for a block of it.
        self.len.store(len + 1, Ordering::Release);
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
        self.len.load(Ordering::Relaxed)
    }

    /// How many blocks were ever popped.
    pub(super) fn popped(&self) -> usize {
        self.popped.load(Ordering::Relaxed)
    }

    /// How many blocks it holds at most.
    pub(super) fn room(&self) -> usize {
        self.room.load(Ordering::Relaxed)
    }

    /// Gets places for `room` blocks, if it has none; whether it has any then.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(super) unsafe fn furnish(&self, room: usize) -> bool {
        if self.room() != 0 {
            return true;
        }
        let Some(layout) = layout(room).filter(|_| room > 0) else { return false };
        // SAFETY: the layout has a pointer at least.
        let places = unsafe { alloc_zeroed(layout) }.cast::<*mut u8>();
        if places.is_null() {
            return false;
        }
        self.places.store(places, Ordering::Relaxed);
        self.room.store(room, Ordering::Relaxed);
        true
    }

    /// Takes its places away, and the blocks in them; then it is one without room.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(super) unsafe fn strip(&self) {
        let (places, room) = (self.places.load(Ordering::Relaxed), self.room());
        self.len.store(0, Ordering::Relaxed);
        self.room.store(0, Ordering::Relaxed);
        self.places.store(ptr::null_mut(), Ordering::Relaxed);
        if let Some(layout) = layout(room).filter(|_| !places.is_null()) {
            // SAFETY: allocated in `furnish` with this layout.
            unsafe { dealloc(places.cast(), layout) };
        }
    }

    /// The blocks in it, the one that was pushed last at the end.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop), for as long as the result is used.
    pub(super) unsafe fn blocks(&self) -> &[NonNull<u8>] {
        let places = self.places.load(Ordering::Relaxed);
        if places.is_null() {
            return &[];
        }
        // SAFETY: the places up to `len` are blocks (type invariant).
        unsafe { core::slice::from_raw_parts(places.add(1).cast(), self.len()) }
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
        // SAFETY: there are so many places behind the first one.
        let places = unsafe {
            core::slice::from_raw_parts_mut(self.places.load(Ordering::Relaxed).add(1), most)
        };
        let taken = take(places)?.min(most);
        self.len.store(taken, Ordering::Relaxed);
        Ok(())
    }

    /// Drops the `count` blocks that were pushed first.
    ///
    /// # Safety
    ///
    /// As for [`pop`](Self::pop).
    pub(super) unsafe fn forget(&self, count: usize) {
        let left = self.len().saturating_sub(count);
        let places = self.places.load(Ordering::Relaxed);
        if !places.is_null() {
            // SAFETY: both are ranges of places (type invariant).
            unsafe { ptr::copy(places.add(1 + self.len() - left), places.add(1), left) };
        }
        self.len.store(left, Ordering::Relaxed);
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
