//! One thread's way into a heap: the fast paths.
//!
//! A [`LocalHeap`] is bound to a heap slot. Allocating a small block pops an
//! entry of its class's magazine, freeing pushes one, whoever owns the slab: a
//! load, a bound check, a load or store of the entry, a store of the count. No
//! atomic read-modify-write, no division, no call. Whatever does not fit that
//! goes to `refill` and `flush`.
//!
//! # Instructions
//!
//! Counted with callgrind on x86-64, release build, for small blocks that the
//! magazine has or has room for; the way to the thread's `LocalHeap` comes
//! before that (3 in `ShmAlloc`, 4 in `libanymem.so`, some 20 in `anymem`'s pools).
//!
//! | call | instructions |
//! |---|---|
//! | allocate, layout known when compiled | 15 |
//! | free, layout known when compiled | 14 |
//! | allocate, size known at run time (`malloc`) | 23 |
//! | free, by the address alone (`free`) | 30, below a cache line 36 |
//!
//! # Bounds
//!
//! The magazine lies inside the segment, where peers may write. A damaged count
//! has 8 bits, and so selects another word of the slot at worst; a damaged entry
//! is checked to lie inside the segment.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::contents::Contents;
use super::slot::{Magazine, Slot};
use super::space::{Place, Space};
use super::stock::Stock;
use super::{AllocError, FreeError};
use crate::backend::Backend;
use crate::offset::Offset;
use crate::secure;
use crate::segment::Geometry;
use crate::size_class::{Class, Classes, GRAIN, Lane};
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::thread::ThreadModel;

/// Binary logarithm of [`GRAIN`]: entries count grains.
pub(crate) const GRAIN_SHIFT: u32 = GRAIN.trailing_zeros();

/// A heap, seen through one heap slot.
///
/// # Invariants
///
/// - The calling thread holds the slot, and no other `LocalHeap` of the slot is
///   in use at the same time.
/// - `magazines` points to those of the slot, with what stands behind them in
///   a slot, inside the segment.
/// - `owners` points to the owner words of `slabs` slabs, inside the segment.
#[derive(Debug)]
pub struct LocalHeap<'a, B, T, const SHIFT: u32> {
    pub(crate) space: Space<'a, B, T, SHIFT>,
    pub(crate) slot: Slot<'a, SHIFT>,
    magazines: NonNull<u8>,
    owners: NonNull<AtomicUsize>,
    slabs: usize,
    data_at: usize,
}

impl<B, T, const SHIFT: u32> Clone for LocalHeap<'_, B, T, SHIFT> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B, T, const SHIFT: u32> Copy for LocalHeap<'_, B, T, SHIFT> {}

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'a, B, T, SHIFT> {
    /// The heap through slot `number`; `None` if there is no such slot.
    ///
    /// # Safety
    ///
    /// The first invariant of the type.
    #[inline]
    pub(crate) unsafe fn new(space: Space<'a, B, T, SHIFT>, number: usize) -> Option<Self> {
        let geometry = space.geometry();
        if number >= geometry.slots() {
            return None;
        }
        let slot = space.slot(number);
        let Geometry { slabs, owners_at, data_at, .. } = *geometry;
        let magazines_at = geometry.slot_start(number).get() + Geometry::<SHIFT>::MAGAZINES_AT;
        let base = space.bytes.base();
        // SAFETY: this is one of the slots, which are within the segment (invariant of its
        // geometry).
        let magazines = unsafe { base.add(magazines_at) };
        // SAFETY: so are the owner words.
        let owners = unsafe { base.add(owners_at) }.cast();
        Some(Self { space, slot, magazines, owners, slabs, data_at })
    }

    /// The slot's slabs, unless another thread looks through them for memory.
    #[inline]
    pub(super) fn stock(&self) -> Option<Stock<'a, B, T, SHIFT>> {
        Stock::enter(self.space, self.slot, self.slot)
    }

    /// Allocates a block if that takes no more than a look at its magazine.
    #[inline]
    pub fn try_allocate(&self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.align() > GRAIN {
            return self.try_allocate_aligned(layout);
        }
        self.pop(Classes::<SHIFT>::lane_of_size(layout.size())?, layout.size())
    }

    #[inline(never)]
    fn try_allocate_aligned(&self, layout: Layout) -> Option<NonNull<u8>> {
        // Only in a damaged heap it is not aligned.
        self.pop(Self::lane_of_aligned(layout)?, layout.size())
            .filter(|block| block.addr().get().is_multiple_of(layout.align()))
    }

    /// Frees a block if that takes no more than a look at its magazine; whether
    /// it did.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[inline]
    pub unsafe fn try_free(&self, block: NonNull<u8>, layout: Layout) -> bool {
        let at = self.distance(block);
        at < self.space.bytes.len()
            && !secure::ON
            && Self::lane(layout).is_some_and(|lane| self.push(lane, at))
    }

    #[inline]
    fn lane(layout: Layout) -> Option<Lane> {
        if layout.align() > GRAIN {
            return Self::lane_of_aligned(layout);
        }
        Classes::<SHIFT>::lane_of_size(layout.size())
    }

    #[inline(never)]
    fn lane_of_aligned(layout: Layout) -> Option<Lane> {
        Classes::<SHIFT>::of(layout).map(|class| Lane::of(Classes::<SHIFT>::info(class)))
    }

    /// Allocates a block; its address.
    ///
    /// # Errors
    ///
    /// See [`AllocError`].
    #[inline]
    pub fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        match self.try_allocate(layout) {
            Some(block) => Ok(block),
            None => self.allocate_slow(layout),
        }
    }

    /// Allocates a block whose `layout.size()` bytes are zero.
    ///
    /// Whole slabs that were not written to are not touched.
    ///
    /// # Errors
    ///
    /// See [`AllocError`].
    #[inline]
    pub fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        if layout.size().max(layout.align()) > Classes::<SHIFT>::LARGEST {
            return self.allocate_spans(layout, Contents::Zero);
        }
        let block = self.allocate(layout)?;
        // SAFETY: the block was just handed out; it has `layout.size()` bytes,
        // which nobody else uses.
        unsafe { block.write_bytes(0, layout.size()) };
        Ok(block)
    }

    /// Frees a block.
    ///
    /// # Errors
    ///
    /// [`FreeError::Outside`] at once. A double free or an address where no
    /// block starts is seen when the block leaves the magazine; it is counted
    /// in the statistics then.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this heap that was asked for with `layout`,
    /// and is not used afterwards.
    #[inline]
    pub unsafe fn free(&self, block: NonNull<u8>, layout: Layout) -> Result<(), FreeError> {
        // SAFETY: passed on from the caller.
        if unsafe { self.try_free(block, layout) } {
            return Ok(());
        }
        self.free_slow(block, layout)
    }

    /// Whether `block` is an address inside the heap.
    #[must_use]
    #[inline]
    pub fn contains(&self, block: NonNull<u8>) -> bool {
        self.distance(block) < self.space.bytes.len()
    }

    #[inline]
    pub(super) fn distance(&self, block: NonNull<u8>) -> usize {
        block.addr().get().wrapping_sub(self.space.bytes.base().addr().get())
    }

    #[inline]
    pub(crate) fn magazine(&self, class: Class) -> Magazine<SHIFT> {
        self.magazine_in(Lane::of(Classes::<SHIFT>::info(class)))
    }

    #[inline]
    fn magazine_in(&self, lane: Lane) -> Magazine<SHIFT> {
        // SAFETY: the type's invariant on `magazines`.
        unsafe { Magazine::of_lane(self.magazines, lane, self.slot.key()) }
    }

    /// The owner word of the slab at `at`, as it was at some moment.
    #[inline]
    pub(super) fn owner_bits(&self, at: usize) -> Option<usize> {
        let slab = at.wrapping_sub(self.data_at) >> SHIFT;
        if slab >= self.slabs {
            return None;
        }
        // SAFETY: the type's invariant on `owners`; the index was just checked.
        // Relaxed: who frees a block has learned of its slab before.
        Some(unsafe { self.owners.add(slab).as_ref() }.load(Ordering::Relaxed))
    }

    /// Takes the last entry of a magazine; `None` if there is none, or none
    /// that can be right.
    #[inline]
    fn pop(&self, lane: Lane, size: usize) -> Option<NonNull<u8>> {
        let at = (self.magazine_in(lane).pop()? as usize) << GRAIN_SHIFT;
        // A block of a class is at most a slab, and the segment holds a slab at
        // least, so this cannot wrap.
        if !self.space.hand_out(at, lane, size) || at > self.space.bytes.len() - size {
            return None;
        }
        // SAFETY: `at + size` is within the segment, just checked.
        Some(unsafe { self.space.bytes.base().add(at) })
    }

    /// Adds a block to a magazine; whether there was room.
    #[inline]
    pub(super) fn push(&self, lane: Lane, at: usize) -> bool {
        self.magazine_in(lane).push((at >> GRAIN_SHIFT) as u32)
    }

    #[cold]
    #[inline(never)]
    fn free_slow(&self, block: NonNull<u8>, layout: Layout) -> Result<(), FreeError> {
        if !self.contains(block) {
            return Err(FreeError::Outside);
        }
        if secure::ON {
            return self.free_unsized_slow(block);
        }
        let at = self.distance(block);
        let Some(class) = Classes::<SHIFT>::of(layout) else {
            return self.free_span(Offset::new(at));
        };
        self.free_small(class, at);
        Ok(())
    }

    /// Frees a block of `class` for which its magazine has no room.
    pub(super) fn free_small(&self, class: Class, at: usize) {
        // Where blocks have seals, all come here.
        if secure::ON && self.push(Lane::of(Classes::<SHIFT>::info(class)), at) {
            return;
        }
        self.flush(class);
        if !self.push(Lane::of(Classes::<SHIFT>::info(class)), at) {
            self.keep(class, at);
            self.flush_all(class, self.stock().as_ref());
        }
    }

    #[cold]
    #[inline(never)]
    fn allocate_slow(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        let Some(class) = Classes::<SHIFT>::of(layout) else {
            return self.allocate_spans(layout, Contents::Any);
        };
        // A magazine whose entries make no sense yields some that do, or runs
        // out, within its length.
        for _ in 0..=Classes::<SHIFT>::MAGAZINE_MAX {
            if let Err(error) = self.refill(class) {
                // Whatever could be reclaimed has been.
                return self.instead(layout, error, || {
                    self.address(self.claim_spans(layout, Contents::Any)?, layout)
                });
            }
            if let Some(block) = self.try_allocate(layout) {
                return Ok(block);
            }
        }
        Err(AllocError::Corrupt)
    }

    /// Takes whole slabs for a block whose class has none: a run of eight may
    /// not be free where one slab is. Such a block passes through magazines like
    /// any other of its class.
    pub(super) fn instead(
        &self,
        layout: Layout,
        error: AllocError,
        spans: impl FnOnce() -> Result<NonNull<u8>, AllocError>,
    ) -> Result<NonNull<u8>, AllocError> {
        let error = error.of_request(layout.size());
        let one_slab = layout.size().max(layout.align()) > Geometry::<SHIFT>::SLAB / 8;
        if one_slab { spans().map_err(|_| error) } else { Err(error) }
    }

    /// Allocates whole slabs.
    fn allocate_spans(
        &self,
        layout: Layout,
        contents: Contents,
    ) -> Result<NonNull<u8>, AllocError> {
        self.or_reclaimed(layout, || self.claim_spans(layout, contents))
    }

    fn claim_spans(&self, layout: Layout, contents: Contents) -> Result<Offset, AllocError> {
        self.space.allocate_large(layout, contents, &self.slot)
    }

    /// The address of a block that was just taken.
    fn address(&self, at: Offset, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.space.bytes.slice(at, layout.size()).ok_or(AllocError::Corrupt)
    }

    fn allocate_growing(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.or_reclaimed(layout, || self.space.allocate_growing(layout, &self.slot))
    }

    /// Allocates whole slabs for a block that takes as much, where they can become more.
    ///
    /// One slab may stand in for a block of its class, see [`instead`](Self::instead).
    pub(super) fn allocate_slabs_to_grow(&self, layout: Layout) -> Option<NonNull<u8>> {
        Self::takes_slabs(layout).then(|| self.allocate_growing(layout).ok())?
    }

    /// Whether a block takes a whole slab or more.
    pub(super) fn takes_slabs(layout: Layout) -> bool {
        layout.size() >= Geometry::<SHIFT>::SLAB
    }

    /// Makes a block of whole slabs larger where it stands; whether it could.
    pub(super) fn grow_span(&self, at: Offset, new_size: usize) -> bool {
        // A hardened block has no seal while it grows: after a death nobody could free it.
        let Some(Place::Large(slab)) = self.space.place(at).filter(|_| !secure::ON) else {
            return false;
        };
        self.space.resize_large(slab, new_size, &self.slot)
            // In a damaged heap the block may end outside.
            && self.space.inside(at, new_size) == new_size
    }

    /// Takes whole slabs, if need be after looking everywhere for some.
    pub(super) fn or_reclaimed(
        &self,
        layout: Layout,
        take: impl Fn() -> Result<Offset, AllocError>,
    ) -> Result<NonNull<u8>, AllocError> {
        let at = take().or_else(|error| if self.reclaim() { take() } else { Err(error) })?;
        self.address(at, layout)
    }

    pub(crate) fn free_span(&self, at: Offset) -> Result<(), FreeError> {
        let slab = self.space.geometry().slab_of(at).ok_or(FreeError::NotABlock)?;
        if self.space.geometry().slab_start(slab) != at || slab >= self.space.frontier() {
            return Err(FreeError::NotABlock);
        }
        let freed = self.space.free_large(slab, &self.slot);
        self.note_freed_span(freed);
        freed
    }

    /// Does what is due when somebody tried to free whole slabs.
    pub(super) fn note_freed_span(&self, freed: Result<(), FreeError>) {
        match freed {
            Ok(()) => self.space.decay(&self.slot),
            Err(error) => self.space.count_refused(error),
        }
    }

    /// Makes a block larger or smaller, in place where that is possible.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate); the old block is untouched then.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free).
    #[inline]
    pub unsafe fn reallocate(
        &self,
        block: NonNull<u8>,
        layout: Layout,
        new_size: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        let new = Layout::from_size_align(new_size, layout.align())
            .map_err(|_| AllocError::TooLarge { requested: new_size })?;
        let (old_class, new_class) = (Classes::<SHIFT>::of(layout), Classes::<SHIFT>::of(new));
        let at = Offset::new(self.distance(block));
        self.space.inspect(at)?;
        let stays = match (old_class, new_class) {
            (Some(old), Some(new)) => old == new && self.space.reseal(at, new_size, &self.slot),
            (None, None) => self.resize_span(block, new_size),
            _ => false,
        };
        // In a damaged heap, what there is room for in the class may end outside.
        if stays && self.space.inside(at, new_size) == new_size {
            return Ok(block);
        }
        let moved = match new_class {
            None if new_size > layout.size() => self.allocate_growing(new)?,
            _ => self.allocate(new)?,
        };
        if old_class.is_some() || !self.relocate(block, moved, layout.size().min(new_size)) {
            // SAFETY: both blocks hold that many bytes. In a damaged heap they
            // may overlap.
            unsafe { moved.copy_from(block, layout.size().min(new_size)) };
        }
        // SAFETY: passed on from the caller.
        let _ = unsafe { self.free(block, layout) };
        Ok(moved)
    }

    /// Moves the contents of a block of whole slabs to another without copying
    /// them; whether it did.
    fn relocate(&self, block: NonNull<u8>, to: NonNull<u8>, bytes: usize) -> bool {
        let [from, to] = [block, to].map(|it| self.space.place(Offset::new(self.distance(it))));
        match (from, to) {
            (Some(Place::Large(from)), Some(Place::Large(to))) => {
                self.space.relocate_large(from, to, bytes)
            }
            _ => false,
        }
    }

    fn resize_span(&self, block: NonNull<u8>, new_size: usize) -> bool {
        match self.space.place(Offset::new(self.distance(block))) {
            Some(Place::Large(slab)) => self.space.resize_large(slab, new_size, &self.slot),
            _ => false,
        }
    }

    /// Bytes of the block at `block` that may be used.
    ///
    /// # Safety
    ///
    /// `block` is a live block of this heap that was asked for with `layout`.
    pub unsafe fn usable_size(&self, block: NonNull<u8>, layout: Layout) -> usize {
        self.space.usable_size(Offset::new(self.distance(block)), layout)
    }
}
