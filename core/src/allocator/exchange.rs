//! Blocks that no death loses: allocated, linked and freed as one.
//!
//! What a thread has allocated and not yet linked to anything is lost if it
//! dies. Here it says first where the block will be linked, and which one that
//! replaces; [`ExchangeRecord`] is the protocol. After recovery either the new
//! block is linked and the old one free, or the other way round.
//!
//! # Order of stores
//!
//! The record names the new block before it leaves its magazine or, where it
//! is large, before its slabs are claimed. There is room in the magazine for
//! the old one before the link changes, so that freeing it is one push, after
//! which the record ends: while there is a record, its blocks are in use, in
//! the magazines of the slot, or nowhere else.
//!
//! # Recovery
//!
//! A block is free if a magazine of the slot names it, or its slab's owner word
//! is not what it was: that of the old block is in the record. A new block whose
//! slabs were to be claimed is one if they are a large block of the slot.

use core::alloc::Layout;
use core::mem;
use core::ptr::NonNull;

use super::contents::Contents;
use super::local_heap::LocalHeap;
use super::space::{Place, Space};
use super::stock::Stock;
use super::{AllocError, Allocator};
use crate::backend::Backend;
use crate::offset::{AtomicOffsetPtr, Offset};
use crate::page_table::Journal;
use crate::segment::{ExchangeRecord, Outcome, Terms, WORD};
use crate::size_class::{Class, Classes, Lane};
use crate::sync::atomic::{AtomicUsize, Ordering, compiler_fence};
use crate::sync::{Arena, Bytes};
use crate::thread::{Context, ThreadModel};

/// A block that takes the place of another: see
/// [`Allocator::exchange`](super::Allocator::exchange).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// Where the word stands that names the block, a multiple of its size.
    pub link: Offset,
    /// The same word in this process, for a caller that has borrowed it mutably:
    /// it is stored to through this pointer then.
    pub word: Option<NonNull<AtomicUsize>>,
    /// The block that is freed, with the layout it was asked for with.
    pub old: Option<(Offset, Layout)>,
    /// What the new block must be like.
    pub new: Option<Layout>,
    /// Added to the offset that is stored to the link: bits below those that
    /// all offsets of blocks of that layout have.
    pub tag: usize,
}

impl Exchange {
    /// What the link holds when it names the block at `at`.
    fn value(&self, at: Offset) -> usize {
        at.get() | self.tag
    }

    /// Makes the link, which is `word` in this process, name the block at `at`.
    fn store(&self, word: &AtomicUsize, at: Offset) {
        // SAFETY: the address of the word, valid for a store (contract of
        // `Allocator::exchange`).
        let word = self.word.map_or(word, |word| unsafe { word.as_ref() });
        // Release: who finds the block there finds what it was filled with.
        word.store(self.value(at), Ordering::Release);
    }
}

/// Exchanges blocks without a record: a death may lose one of them.
///
/// # Safety
///
/// As for [`Allocator::exchange`].
pub(super) unsafe fn exchange_unrecorded<A: Allocator + ?Sized>(
    allocator: &A,
    context: Context,
    exchange: &Exchange,
    fill: &mut dyn FnMut(NonNull<u8>),
) -> Result<Offset, AllocError> {
    let link = allocator.resolve(exchange.link, WORD);
    let link = link.filter(|link| link.cast::<AtomicUsize>().is_aligned());
    let link = link.ok_or(AllocError::Outside)?;
    let new = match exchange.new {
        Some(layout) => {
            let at = allocator.allocate(context, layout)?;
            fill(allocator.resolve(at, layout.size()).ok_or(AllocError::Corrupt)?);
            at
        }
        None => Offset::NULL,
    };
    // SAFETY: the word is inside the heap and aligned, just seen; any bits are
    // one.
    exchange.store(unsafe { link.cast().as_ref() }, new);
    if let Some((old, layout)) = exchange.old {
        // SAFETY: passed on from the caller. A complaint would be about the old
        // block, which the caller vouched for.
        let _ = unsafe { allocator.free(context, old, layout) };
    }
    Ok(new)
}

/// Where a link stands in the heap.
pub(super) fn offset_of_link<A: Allocator, T>(
    allocator: &A,
    link: &AtomicOffsetPtr<T>,
) -> Result<Offset, AllocError> {
    allocator.offset_of(NonNull::from(link).cast()).ok_or(AllocError::Outside)
}

/// The slot's journal, which also records the large block that is claimed.
struct Recorded<'h, 'a, B: Backend, T: ThreadModel, const SHIFT: u32> {
    heap: &'h LocalHeap<'a, B, T, SHIFT>,
    exchange: &'h Exchange,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Journal for Recorded<'_, '_, B, T, SHIFT> {
    fn slot(&self) -> usize {
        self.heap.slot.number()
    }

    fn note(&self, first: usize, count: usize) {
        let space = &self.heap.space;
        // Slab `first` was free when it was looked at last, or is being given
        // back: if it is a large block of this slot's later, it is the new one.
        let terms = space.terms(self.exchange, space.geometry().slab_start(first));
        self.heap.slot.exchange().begin(&Terms { claims: true, ..terms });
        self.heap.slot.note(first, count);
    }

    fn note_resize(&self, head: usize, first: usize, count: usize) {
        self.heap.slot.note_resize(head, first, count);
    }

    fn clear(&self) {
        self.heap.slot.clear();
    }
}

/// A block that is recorded, and freed unless it is linked.
struct Reserved<'h, 'a, B: Backend, T: ThreadModel, const SHIFT: u32> {
    heap: &'h LocalHeap<'a, B, T, SHIFT>,
    block: NonNull<u8>,
    layout: Layout,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Drop for Reserved<'_, '_, B, T, SHIFT> {
    fn drop(&mut self) {
        let at = Offset::new(self.heap.distance(self.block));
        self.heap.free_recorded(at, Classes::<SHIFT>::of(self.layout));
    }
}

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> LocalHeap<'a, B, T, SHIFT> {
    fn record(&self) -> ExchangeRecord<'_, Bytes<'a>> {
        self.slot.exchange()
    }

    /// Exchanges blocks; the offset of the new one.
    ///
    /// # Safety
    ///
    /// As for [`Allocator::exchange`].
    pub(super) unsafe fn exchange(
        &self,
        exchange: &Exchange,
        fill: &mut dyn FnMut(NonNull<u8>),
    ) -> Result<Offset, AllocError> {
        if self.record().is_pending() {
            return Err(AllocError::Nested);
        }
        if self.space.bytes.slice(exchange.link, WORD).is_none()
            || !exchange.link.get().is_multiple_of(WORD)
        {
            return Err(AllocError::Outside);
        }
        let new = match exchange.new {
            Some(layout) => self.reserve_and_fill(exchange, layout, fill)?,
            None => {
                self.write_down(exchange, Offset::NULL);
                Offset::NULL
            }
        };
        self.link(exchange, new);
        Ok(new)
    }

    fn reserve_and_fill(
        &self,
        exchange: &Exchange,
        layout: Layout,
        fill: &mut dyn FnMut(NonNull<u8>),
    ) -> Result<Offset, AllocError> {
        let block = self.reserve(exchange, layout).inspect_err(|_| self.record().end())?;
        let reserved = Reserved { heap: self, block, layout };
        fill(block);
        mem::forget(reserved);
        Ok(Offset::new(self.distance(block)))
    }

    /// Records that `new` is to be linked.
    fn write_down(&self, exchange: &Exchange, new: Offset) {
        self.record().begin(&self.space.terms(exchange, new));
    }

    /// Allocates a block that the record names before it is anybody's.
    fn reserve(&self, exchange: &Exchange, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        // A block that grew once is likely to grow again.
        if exchange.old.is_some_and(|(_, old)| old.size() < layout.size())
            && Self::takes_slabs(layout)
            && let Ok(block) = self.reserve_slabs_to_grow(exchange, layout)
        {
            return Ok(block);
        }
        let Some(class) = Classes::<SHIFT>::of(layout) else {
            return self.reserve_spans(exchange, layout);
        };
        // As for an allocation: entries may make no sense.
        for _ in 0..=Classes::<SHIFT>::MAGAZINE_MAX {
            if self.magazine(class).count() == 0
                && let Err(error) = self.refill_own(class)
            {
                return self.instead(layout, error, || self.reserve_spans(exchange, layout));
            }
            if self.magazine(class).count() == 0 {
                // Somebody else looks through the slot's slabs. A shared slab would
                // do, but a death may lose a block that is on its way from there.
                match self.reserve_spans(exchange, layout) {
                    Ok(block) => return Ok(block),
                    Err(_) => self.refill_shared(class)?,
                }
            }
            if let Some(block) = self.reserve_small(exchange, class, layout) {
                return Ok(block);
            }
        }
        Err(AllocError::Corrupt)
    }

    fn reserve_small(
        &self,
        exchange: &Exchange,
        class: Class,
        layout: Layout,
    ) -> Option<NonNull<u8>> {
        let entry = self.entry(class, self.magazine(class).count().checked_sub(1)?);
        self.write_down(exchange, entry);
        let block = self.try_allocate(layout);
        if block.is_none() {
            // What a damaged entry names may be somebody else's.
            self.record().end();
        }
        block
    }

    fn reserve_spans(
        &self,
        exchange: &Exchange,
        layout: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        let journal = Recorded { heap: self, exchange };
        self.or_reclaimed(layout, || self.space.allocate_large(layout, Contents::Any, &journal))
    }

    fn reserve_slabs_to_grow(
        &self,
        exchange: &Exchange,
        layout: Layout,
    ) -> Result<NonNull<u8>, AllocError> {
        let journal = Recorded { heap: self, exchange };
        self.or_reclaimed(layout, || self.space.allocate_growing(layout, &journal))
    }

    /// Links the new block and frees the old one.
    fn link(&self, exchange: &Exchange, new: Offset) {
        if let Some((_, layout)) = exchange.old
            && let Some(class) = Classes::<SHIFT>::of(layout)
        {
            self.make_room(class);
        }
        exchange.store(self.space.bytes.word(exchange.link), new);
        compiler_fence(Ordering::SeqCst);
        match exchange.old {
            Some((old, layout)) => self.free_recorded(old, Classes::<SHIFT>::of(layout)),
            None => self.record().end(),
        }
    }

    /// Frees a block that the record names, and ends the record.
    ///
    /// There is room in its magazine, or it has no entries. Whole slabs that stand in
    /// for a small block go back at once. A complaint would be about a block that the
    /// caller vouched for.
    fn free_recorded(&self, at: Offset, class: Option<Class>) {
        let place = self.space.place(at);
        let class = class.filter(|_| !matches!(place, Some(Place::Large(_))));
        let Some(class) = class else {
            let _ = self.free_span(at);
            return self.record().end();
        };
        let opened = place.map(|place| self.space.open(at, place));
        if opened.is_some_and(|it| it.is_ok())
            && !self.push(Lane::of(Classes::<SHIFT>::info(class)), at.get())
        {
            self.keep(class, at.get());
        }
        self.record().end();
        self.make_room(class);
    }

    /// The block that a dead holder's exchange left to be freed; it is in use.
    pub(super) fn left_over(&self) -> Option<(Offset, Place)> {
        let outcome = self.record().outcome()?;
        let block = match outcome {
            Outcome::Done(terms) => terms.old,
            Outcome::Undone(terms) => terms.new,
        };
        let place = self.space.place(block).filter(|_| !self.is_cached(block))?;
        let now = self.space.owner(self.space.geometry().slab_of(block)?);
        let is_there = match outcome {
            Outcome::Done(terms) => now.into_bits() == terms.owner,
            Outcome::Undone(Terms { claims: false, .. }) => true,
            Outcome::Undone(_) => {
                matches!(place, Place::Large(_)) && now.slot == self.slot.number()
            }
        };
        is_there.then_some((block, place))
    }

    /// Whether a magazine of the slot names the block.
    fn is_cached(&self, block: Offset) -> bool {
        Classes::<SHIFT>::magazines()
            .any(|class| (0..self.entries_of(class)).any(|it| self.entry(class, it) == block))
    }

    /// Frees what [`left_over`](Self::left_over) found, and ends the record.
    pub(super) fn free_left_over(
        &self,
        left: Option<(Offset, Place)>,
        stock: Option<&Stock<'a, B, T, SHIFT>>,
    ) {
        if let Some((at, place)) = left {
            self.space.restore(at, place);
            match place {
                Place::Large(_) => _ = self.free_span(at),
                Place::Block { class, .. } => {
                    let _ = self.space.open(at, place);
                    self.flush_all(class, stock);
                    self.keep(class, at.get());
                }
            }
        }
        self.record().end();
    }
}

impl<'a, B: Backend, T: ThreadModel, const SHIFT: u32> Space<'a, B, T, SHIFT> {
    fn terms(&self, exchange: &Exchange, new: Offset) -> Terms {
        let old = exchange.old.map_or(Offset::NULL, |(at, _)| at);
        let slab = self.geometry().slab_of(old);
        let owner = slab.map_or(0, |slab| self.owner(slab).into_bits());
        Terms { link: exchange.link, value: exchange.value(new), new, claims: false, old, owner }
    }

    /// Claims `slot` if its holder is dead, with its exchange settled.
    pub(super) fn claim_dead(&self, slot: usize) -> bool {
        let (slots, model) = (self.slots(), self.model());
        let Some(dead) = slots.find_dead(slot, model) else { return false };
        self.slot(slot).exchange().settle(|| slots.is_held_by(&dead));
        slots.take_over(&dead, model.owner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allocator::ThreadLocalAllocator;
    use crate::backend::ArrayBackend;
    use crate::offset::AllocatorId;
    use crate::page_table::SHARED;
    use crate::segment::Config;
    use crate::thread::Bare;

    /// While somebody else looks through a thread's slabs, what it links still comes
    /// from nowhere that a death may lose it to.
    #[test]
    fn no_block_on_its_way_to_a_link_was_everybodys() {
        let mut memory = [0_u8; 512 << 10];
        let config = Config::new(AllocatorId::new(0, 79)).slots(4);
        let backend = ArrayBackend::<4096>::new(&mut memory);
        let heap = ThreadLocalAllocator::<_, Bare, 12>::create(backend, Bare, &config).unwrap();
        let [holder, raider] = [0; 2].map(|_| heap.local(heap.create_tls().unwrap()).unwrap());
        let layout = Layout::new::<[u64; 4]>();
        let word = holder.distance(holder.allocate(layout).unwrap());
        holder.flush_all(Classes::<12>::of(layout).unwrap(), holder.stock().as_ref());

        let raided =
            Stock::enter(raider.space, raider.space.slot(holder.slot.number()), raider.slot);
        let link = Offset::new(word);
        let new = Exchange { link, word: None, old: None, new: Some(layout), tag: 0 };
        // SAFETY: the link is a word of a block that was just allocated.
        let at = unsafe { holder.exchange(&new, &mut |_| ()) }.unwrap();
        let place = holder.space.place(at).unwrap();
        assert!(!matches!(place, Place::Block { slot: SHARED, .. }), "{place:?}");

        let gone = Exchange { old: Some((at, layout)), new: None, ..new };
        // SAFETY: as above; the link named the block, which nobody uses.
        unsafe { holder.exchange(&gone, &mut |_| ()) }.unwrap();
        assert_eq!(heap.stats().spans, 0, "the slab that stood in is kept");
        drop(raided.unwrap());
        heap.check().unwrap();
    }
}
