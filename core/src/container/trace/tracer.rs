//! The mark phase: what can be reached, each block once.
//!
//! Values that were found are noted and looked at later, not at once, so a long
//! list takes room in the notes and none on the stack. Every block is marked
//! once, so the search ends whatever the heap holds.

use core::ptr::NonNull;

use super::super::ShmSafe;
use super::super::heap::Heap;
use super::TraceError;
use super::marks::Marks;
use crate::allocator::LiveBlock;
use crate::offset::{AllocatorId, Offset};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// Looks at `len` of something at an offset.
///
/// # Safety
///
/// As many of what it looks at are there.
pub(in super::super) type Look =
    unsafe fn(&mut Tracer<'_>, Offset, usize) -> Result<(), TraceError>;

/// A value that was found and has to be looked at; room for one.
#[derive(Debug, Clone, Copy)]
pub struct Pending {
    look: Look,
    at: Offset,
    len: usize,
}

impl Pending {
    /// Room for a value.
    pub const NONE: Self = Self { look: nothing, at: Offset::NULL, len: 0 };
}

unsafe fn nothing(_: &mut Tracer<'_>, _: Offset, _: usize) -> Result<(), TraceError> {
    Ok(())
}

/// Marks the blocks that can be reached.
#[allow(missing_debug_implementations, reason = "it borrows a closure")]
pub struct Tracer<'m> {
    heap: Heap,
    id: AllocatorId,
    live_around: &'m dyn Fn(Offset) -> Option<LiveBlock>,
    marks: Marks<'m>,
    pending: &'m mut [Pending],
    len: usize,
}

impl<'m> Tracer<'m> {
    pub(super) fn new(
        heap: Heap,
        live_around: &'m dyn Fn(Offset) -> Option<LiveBlock>,
        marks: Marks<'m>,
        pending: &'m mut [Pending],
    ) -> Self {
        Self { heap, id: heap.allocator().id(), live_around, marks, pending, len: 0 }
    }

    /// The heap whose blocks are marked.
    pub(in super::super) fn heap(&self) -> Heap {
        self.heap
    }

    /// Notes that a value points to `at` in its heap.
    ///
    /// The block there is kept, if there is one, and so is all that any word in
    /// it might point to.
    ///
    /// # Errors
    ///
    /// There is no room for the note.
    pub fn pointer(&mut self, at: Offset) -> Result<(), TraceError> {
        match (self.live_around)(at) {
            // SAFETY: the block is that long.
            Some(block) if self.keep(block) => unsafe {
                self.note(look_at_words, block.at, block.room)
            },
            _ => Ok(()),
        }
    }

    /// Marks a block that something names without being known to own it; whether
    /// nothing of that kind did before.
    fn keep(&mut self, block: LiveBlock) -> bool {
        self.marks.set(block.at) || self.pin(block)
    }

    /// Notes that a value in `heap` owns the block of `bytes` bytes at `at`,
    /// which `look` looks at, with `len`; whether it was not noted before.
    ///
    /// # Safety
    ///
    /// That of `look`, if `at` is a block.
    pub(in super::super) unsafe fn owned(
        &mut self,
        heap: AllocatorId,
        at: Offset,
        bytes: usize,
        (look, len): (Look, usize),
    ) -> Result<bool, TraceError> {
        let is_new = self.reach(heap, at, bytes)?;
        if is_new {
            // SAFETY: passed on from the caller.
            unsafe { self.note(look, at, len) }?;
        }
        Ok(is_new)
    }

    /// Marks the block of `bytes` bytes at `at`; whether it was not.
    pub(super) fn reach(
        &mut self,
        heap: AllocatorId,
        at: Offset,
        bytes: usize,
    ) -> Result<bool, TraceError> {
        if heap != self.id {
            return Err(TraceError::OtherHeap { heap });
        }
        let block = (self.live_around)(at).filter(|block| block.at == at && block.room >= bytes);
        if block.is_none() {
            return Err(TraceError::Damaged { at });
        }
        Ok(self.marks.set(at))
    }

    /// Looks at everything that was noted, and at what is found then.
    pub(super) fn finish(&mut self) -> Result<(), TraceError> {
        while let Some(last) = self.len.checked_sub(1) {
            self.len = last;
            let Pending { look, at, len } =
                self.pending.get(last).copied().unwrap_or(Pending::NONE);
            // SAFETY: as promised to `note`.
            unsafe { look(self, at, len) }?;
        }
        Ok(())
    }

    pub(super) fn marks(&mut self) -> &mut Marks<'m> {
        &mut self.marks
    }

    /// Notes that `look` is to look at `len` of what it looks at at `at`.
    ///
    /// # Safety
    ///
    /// That of `look`.
    pub(in super::super) unsafe fn note(
        &mut self,
        look: Look,
        at: Offset,
        len: usize,
    ) -> Result<(), TraceError> {
        let room = self.pending.len();
        let place = self.pending.get_mut(self.len).ok_or(TraceError::TooManyPending { room })?;
        *place = Pending { look, at, len };
        self.len += 1;
        Ok(())
    }

    /// The address of `len` values of type `T` at `at`.
    pub(in super::super) fn array<T>(
        &self,
        at: Offset,
        len: usize,
    ) -> Result<NonNull<T>, TraceError> {
        self.heap.array(at, len).map_err(|_| TraceError::Damaged { at })
    }
}

/// Notes that a `T` is at `at`, in a block that somebody owns or nobody.
///
/// # Safety
///
/// A `T` is there, if that is a block.
pub(super) unsafe fn value<T: ShmSafe>(
    tracer: &mut Tracer<'_>,
    at: Offset,
) -> Result<(), TraceError> {
    let block = (tracer.live_around)(at).ok_or(TraceError::Damaged { at })?;
    tracer.keep(block);
    // SAFETY: passed on from the caller.
    unsafe { tracer.note(values::<T>, at, 1) }
}

/// Looks at `len` values of type `T`.
///
/// # Safety
///
/// They are at `at`.
pub(in super::super) unsafe fn values<T: ShmSafe>(
    tracer: &mut Tracer<'_>,
    at: Offset,
    len: usize,
) -> Result<(), TraceError> {
    let start = tracer.array::<T>(at, len)?;
    // SAFETY: inside the heap and aligned (`array`), and values of that type
    // (contract).
    (0..len).try_for_each(|index| unsafe { start.add(index).as_ref() }.trace(tracer))
}

/// Takes each word of `len` bytes for a pointer.
///
/// # Safety
///
/// None; this is a [`Look`].
unsafe fn look_at_words(tracer: &mut Tracer<'_>, at: Offset, len: usize) -> Result<(), TraceError> {
    let len = len / size_of::<usize>();
    let start = tracer.array::<AtomicUsize>(at, len)?;
    (0..len).try_for_each(|index| {
        // SAFETY: inside the heap and aligned (`array`); any bits are a word.
        let word = unsafe { start.add(index).as_ref() };
        tracer.pointer(Offset::new(word.load(Ordering::Relaxed)))
    })
}
