//! The sweep phase: what was not reached is freed.

use super::marks::Marks;
use super::tracer::value;
use super::{Pending, ReclaimError, Trace, TraceError, Tracer};
use crate::allocator::{Allocator, ThreadLocalAllocator};
use crate::backend::Backend;
use crate::container::heap::Heap;
use crate::container::{ShmSafe, type_tag};
use crate::offset::Offset;
use crate::segment::{Root, TypeTag};
use crate::thread::{Context, ThreadModel};

/// A type that roots may be of.
#[derive(Debug, Clone, Copy)]
pub struct RootType {
    tag: TypeTag<'static>,
    value: unsafe fn(&mut Tracer<'_>, Offset) -> Result<(), TraceError>,
}

impl RootType {
    /// The type `T`.
    #[must_use]
    pub fn of<T: ShmSafe>() -> Self {
        Self { tag: type_tag::<T>(), value: value::<T> }
    }
}

/// Memory outside of the heap that a search needs.
#[derive(Debug)]
pub struct TraceRoom<'m> {
    /// A bit for each place where a block may start: as many words as
    /// [`ThreadLocalAllocator::words_to_mark`] tells.
    pub marks: &'m mut [usize],
    /// Values that were found and have to be looked at: at most as many as there
    /// are blocks, and in most heaps few.
    pub pending: &'m mut [Pending],
}

/// What was freed, and set right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// Blocks.
    pub blocks: usize,
    /// Bytes that they took.
    pub bytes: usize,
    /// Values whose handles ([`ShmArc`](crate::container::ShmArc),
    /// [`ShmWeak`](crate::container::ShmWeak)) were counted wrong.
    pub recounted: usize,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> ThreadLocalAllocator<B, T, SHIFT> {
    /// Words that [`TraceRoom::marks`] must have.
    #[must_use]
    pub fn words_to_mark(&self) -> usize {
        Marks::words(&self.blocks_range())
    }

    /// Frees every block that no root and none of `values` reaches, and counts the
    /// handles of shared values ([`ShmArc`](crate::container::ShmArc)) anew.
    ///
    /// Recovers the dead first. `types` are those of the heap's roots; a root of
    /// another type makes it refuse, for nothing would tell what it owns. What
    /// [`OffsetPtr`](crate::offset::OffsetPtr) and its kin point to is kept, see
    /// [`Trace`].
    ///
    /// Takes time in proportion to the heap's blocks. May be cut short by a
    /// death, and be done again.
    ///
    /// # Errors
    ///
    /// See [`ReclaimError`]; nothing was freed then.
    ///
    /// # Safety
    ///
    /// - Nobody else uses the heap meanwhile, in this process or another. (A
    ///   process that holds a heap slot is noticed, any other is not.)
    /// - Every block in use is reached by a root or by one of `values`, or is
    ///   never used again: those behind values that somebody keeps outside of
    ///   the heap, or that are reached through another heap, are not.
    /// - So is every handle of a shared value, which counts only if it is reached:
    ///   one kept outside of the heap is among `values`, or is never used nor
    ///   dropped again.
    pub unsafe fn reclaim_unreachable(
        &self,
        context: Context,
        types: &[RootType],
        values: &[&dyn Trace],
        room: TraceRoom<'_>,
    ) -> Result<Reclaimed, ReclaimError> {
        self.prepare()?;
        let range = self.blocks_range();
        let needed = Marks::words(&range);
        let marks = Marks::new(room.marks, range).ok_or(ReclaimError::TooFewMarks { needed })?;
        let heap = Heap::find(self.id()).map_err(|_| ReclaimError::NotAttached(self.id()))?;
        let live_around = |at| self.live_around(at);
        let mut tracer = Tracer::new(heap, &live_around, marks, room.pending);
        for root in self.roots().iter() {
            trace_root(&mut tracer, &root, types)?;
        }
        values.iter().try_for_each(|value| value.trace(&mut tracer))?;
        tracer.finish()?;
        self.spare_cached(tracer.marks())?;
        Ok(self.free_unmarked(context, &mut tracer))
    }

    /// Sees to it that nobody else uses the heap, and that it is in order.
    fn prepare(&self) -> Result<(), ReclaimError> {
        if self.read_only() {
            return Err(ReclaimError::ReadOnly);
        }
        self.recover();
        let me = self.thread_model().owner();
        match self.owners().find(|&owner| owner != me) {
            Some(by) => Err(ReclaimError::InUse { by }),
            None => self.check().map_err(ReclaimError::Broken),
        }
    }

    /// Marks the free blocks that heap slots keep at hand, which nobody may own.
    fn spare_cached(&self, marks: &mut Marks<'_>) -> Result<(), TraceError> {
        let mut owned = None;
        self.for_each_cached(&mut |cached| {
            if !marks.set(cached.at) {
                owned = Some(cached.at);
            }
        });
        owned.map_or(Ok(()), |at| Err(TraceError::Damaged { at }))
    }

    /// Frees what was not reached, and sets the counts right in what was.
    fn free_unmarked(&self, context: Context, tracer: &mut Tracer<'_>) -> Reclaimed {
        let mut reclaimed = Reclaimed::default();
        self.for_each_live(&mut |block| {
            if tracer.marks().has(block.at) {
                reclaimed.recounted += usize::from(tracer.recount(block));
            // SAFETY: live, and nobody uses it (contract of `reclaim_unreachable`).
            } else if unsafe { self.free_abandoned(context, block.at) }.is_ok() {
                reclaimed.blocks += 1;
                reclaimed.bytes += block.room;
            }
        });
        reclaimed
    }
}

fn trace_root(
    tracer: &mut Tracer<'_>,
    root: &Root,
    types: &[RootType],
) -> Result<(), ReclaimError> {
    let known = types.iter().find(|known| root.is_a(&known.tag));
    let known = known.ok_or(ReclaimError::UnknownRoot { name: root.name })?;
    // SAFETY: a live value of that type is there while it is bound (contract of
    // `bind`).
    Ok(unsafe { (known.value)(tracer, root.at) }?)
}
