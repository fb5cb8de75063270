//! A queue's block: the words of its ends, the seats, the slots.
//!
//! ```text
//! ├ tail ───────┼ head ───────┼ closed, seats ┼ slot 0 ───────┼ slot 1 ───────┼ …
//! │ 128 bytes   │ 128 bytes   │               │ state │ value │ state │ value │
//! ```
//!
//! Who pushes writes to the first line, who pops to the second; both lie on lines
//! of their own, for two at a time are fetched on some machines.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, offset_of};
use core::ptr::NonNull;

use super::super::heap::{Heap, in_order, too_large};
use super::super::words::RingWords;
use super::super::{ContainerError, ShmSafe, TraceError, Tracer};
use super::SEATS;
use crate::offset::{AllocatorId, Offset, OffsetPtr};
use crate::sync::atomic::AtomicUsize;
use crate::sync::ring::{Place, Ring, RingParts, Slots};
use crate::sync::{LockWord, Native, Signal};

/// One end of a queue.
#[repr(C, align(128))]
pub(super) struct End {
    /// The position of the next value, or the next room.
    position: AtomicUsize,
    /// Announces what this end did to those who wait at the other one.
    signal: AtomicUsize,
    /// Who has this end, if it has one user.
    pub(super) user: LockWord,
}

impl End {
    pub(super) fn signal(&self) -> Signal<'_> {
        Signal::new(&self.signal)
    }
}

#[repr(C, align(128))]
struct Common {
    closed: AtomicUsize,
    seats: [AtomicUsize; SEATS],
}

/// What stands before the slots; all zero bytes are those of an empty queue.
#[repr(C)]
pub(super) struct Front {
    pub(super) tail: End,
    pub(super) head: End,
    common: Common,
}

/// A place for a value. All zero bytes are an empty one.
#[repr(C)]
pub(super) struct Slot<T> {
    state: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// Owns the block of a queue, as a part of it.
#[repr(C)]
pub(super) struct Block<T: ShmSafe> {
    heap: AllocatorId,
    at: OffsetPtr<T>,
    /// Binary logarithm of the number of slots.
    log: usize,
    _owns: PhantomData<T>,
}

// SAFETY: a value is reached by one thread at a time, who claimed its slot or has
// the end for itself; so values are sent between threads and never shared.
unsafe impl<T: ShmSafe + Send> Sync for Block<T> {}

impl<T: ShmSafe> Block<T> {
    /// Where the slots begin.
    const SLOTS: usize = size_of::<Front>().next_multiple_of(align_of::<Slot<T>>());

    /// Where the words are.
    pub(super) const WORDS: RingWords = RingWords {
        bytes: size_of::<Self>(),
        at: offset_of!(Self, at),
        log: offset_of!(Self, log),
        tail: offset_of!(Front, tail) + offset_of!(End, position),
        signal: offset_of!(Front, tail) + offset_of!(End, signal),
        closed: offset_of!(Front, common) + offset_of!(Common, closed),
        slots: Self::SLOTS,
        state: offset_of!(Slot<T>, state),
        value: offset_of!(Slot<T>, value),
        slot_bytes: size_of::<Slot<T>>(),
        given: Signal::<'static, Native>::GIVEN,
        states: Ring::<SlotsView<'static, T>>::STATES,
    };

    pub(super) fn new(capacity: usize, heap: AllocatorId) -> Result<Self, ContainerError> {
        let found = Heap::find(heap)?;
        let slots = capacity.clamp(2, isize::MAX as usize / 2).next_power_of_two();
        let layout = Self::layout(slots).ok_or(too_large(usize::MAX))?;
        let (at, start) = found.allocate::<u8>(layout, layout.size())?;
        // SAFETY: the block was just handed out.
        unsafe { start.write_bytes(0, layout.size()) };
        let log = slots.trailing_zeros() as usize;
        Ok(Self { heap, at: OffsetPtr::new(at), log, _owns: PhantomData })
    }

    /// Bytes of a block with so many slots.
    fn bytes(slots: usize) -> Option<usize> {
        slots.checked_mul(size_of::<Slot<T>>())?.checked_add(Self::SLOTS)
    }

    fn layout(slots: usize) -> Option<Layout> {
        let align = align_of::<Front>().max(align_of::<Slot<T>>());
        Layout::from_size_align(Self::bytes(slots)?, align).ok()
    }

    pub(super) fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    pub(super) fn capacity(&self) -> usize {
        1_usize.checked_shl(self.log as u32).unwrap_or(0)
    }

    /// The queue at its address in this process, where it may be changed.
    #[inline]
    pub(super) fn open(&self) -> Result<View<'_, T>, ContainerError> {
        let heap = Heap::find(self.heap)?;
        heap.writable()?;
        self.view(heap)
    }

    /// The queue at its address in this process.
    #[inline]
    pub(super) fn look(&self) -> Result<View<'_, T>, ContainerError> {
        self.view(Heap::find(self.heap)?)
    }

    #[inline]
    fn view(&self, heap: Heap) -> Result<View<'_, T>, ContainerError> {
        // Read once: what is checked is what is used.
        let (at, log) = (self.at.offset(), self.log);
        let slots = 1_usize.checked_shl(log as u32).filter(|_| (1..Self::LOGS).contains(&log));
        let slots = slots.ok_or(ContainerError::Corrupt)?;
        let bytes = Self::bytes(slots).ok_or(ContainerError::Corrupt)?;
        heap.array::<u8>(at, bytes)?;
        let front = heap.array::<Front>(at, 1)?;
        let first = heap.array::<Slot<T>>(at.add(Self::SLOTS), slots)?;
        // SAFETY: inside the heap and aligned (`array`), and any bits are atomics;
        // the block is the queue's for as long as that is borrowed.
        let front = unsafe { front.as_ref() };
        Ok(View { heap, front, slots: SlotsView { first, _block: PhantomData }, log: log as u32 })
    }

    /// Larger than the binary logarithm of any number of slots.
    const LOGS: usize = Ring::<SlotsView<'_, T>>::MOST_LOG as usize + 1;

    /// Drops the values, and gives the block up.
    pub(super) fn destroy(&mut self) {
        let at = core::mem::replace(&mut self.at, OffsetPtr::NULL);
        in_order();
        // Whoever meets the queue again finds nothing to drop.
        let taken = Self { heap: self.heap, at, log: self.log, _owns: PhantomData };
        let Ok(view) = taken.open() else { return };
        let ring = view.ring();
        for index in (0..taken.capacity()).filter(|&index| ring.holds_value(index)) {
            // SAFETY: nobody else has the queue, and there is a value, which is
            // dropped once.
            unsafe { view.slots.value(index).as_ptr().drop_in_place() };
        }
        if let Some(layout) = Self::layout(taken.capacity()) {
            // SAFETY: only the queue knew of its block, and it has forgotten it.
            unsafe { view.heap.free(at.offset(), layout) };
        }
    }

    /// Names the block and what the values own.
    pub(super) fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let at = self.at.offset();
        // One that was just dropped is empty.
        if at.is_null() {
            return Ok(());
        }
        let bytes = Self::bytes(self.capacity()).ok_or(TraceError::Damaged { at })?;
        // SAFETY: as many slots are there.
        unsafe { tracer.owned(self.heap, at, bytes, (trace_slots::<T>, self.capacity())) }
            .map(|_| ())
    }
}

/// Looks at the values of a queue with so many slots.
///
/// # Safety
///
/// A queue's block is at `at`, and nobody else uses the heap.
unsafe fn trace_slots<T: ShmSafe>(
    tracer: &mut Tracer<'_>,
    at: Offset,
    slots: usize,
) -> Result<(), TraceError> {
    let first = tracer.array::<Slot<T>>(at.add(Block::<T>::SLOTS), slots)?;
    let slots_view = SlotsView { first, _block: PhantomData };
    let front = tracer.array::<Front>(at, 1)?;
    // SAFETY: inside the heap and aligned (`array`); any bits are atomics.
    let ring = unsafe { front.as_ref() }.ring(slots_view, slots.trailing_zeros());
    let full = (0..slots).filter(|&index| ring.holds_value(index));
    // SAFETY: a value is there, which nobody takes out meanwhile.
    full.into_iter().try_for_each(|index| {
        let value = slots_view.value(index);
        // SAFETY: as above.
        unsafe { value.as_ref() }.trace(tracer)
    })
}

impl Front {
    fn ring<'q, T>(&'q self, slots: SlotsView<'q, T>, log: u32) -> Ring<'q, SlotsView<'q, T>> {
        let parts = RingParts {
            tail: &self.tail.position,
            head: &self.head.position,
            closed: &self.common.closed,
            seats: &self.common.seats,
        };
        Ring::new(slots, log, parts)
    }
}

/// The slots at their address in this process: as many as the queue has, inside
/// the heap.
pub(super) struct SlotsView<'q, T> {
    first: NonNull<Slot<T>>,
    _block: PhantomData<&'q Slot<T>>,
}

impl<T> Clone for SlotsView<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SlotsView<'_, T> {}

impl<T> SlotsView<'_, T> {
    /// The slot at `index`, which is less than the number of slots.
    #[inline]
    fn slot(&self, index: usize) -> &Slot<T> {
        // SAFETY: inside the block (`view`, and `Ring` masks indices).
        unsafe { self.first.add(index).as_ref() }
    }

    /// Where the value of that slot is.
    #[inline]
    pub(super) fn value(&self, index: usize) -> NonNull<T> {
        let value = self.slot(index).value.get();
        // SAFETY: a field of something that is not at null.
        unsafe { NonNull::new_unchecked(value.cast()) }
    }
}

impl<T> Slots<Native> for SlotsView<'_, T> {
    #[inline]
    fn state(&self, index: usize) -> &AtomicUsize {
        &self.slot(index).state
    }
}

/// A queue at its address in this process.
pub(super) struct View<'q, T> {
    pub(super) heap: Heap,
    pub(super) front: &'q Front,
    slots: SlotsView<'q, T>,
    log: u32,
}

impl<T> Clone for View<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for View<'_, T> {}

// SAFETY: what it points to is shared as the queue is (`Block`).
unsafe impl<T: Send> Send for View<'_, T> {}
// SAFETY: as for `Send`.
unsafe impl<T: Send> Sync for View<'_, T> {}

impl<'q, T> View<'q, T> {
    #[inline]
    pub(super) fn ring(&self) -> Ring<'q, SlotsView<'q, T>> {
        self.front.ring(self.slots, self.log)
    }

    /// Moves `value` into a slot, which is the caller's.
    #[inline]
    pub(super) fn write(&self, place: &Place, value: T) {
        // SAFETY: inside the block; the caller has claimed the slot, or has the end.
        unsafe { self.slots.value(place.index()).write(value) };
    }

    /// Moves the value out of a slot, which is the caller's.
    #[inline]
    pub(super) fn read(&self, place: &Place) -> T {
        // SAFETY: inside the block; the slot holds a value, and the caller has claimed
        // it, or has the end.
        unsafe { self.slots.value(place.index()).read() }
    }
}
