//! A place where processes wait for each other.

use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;

use super::super::heap::Heap;
use super::super::{ContainerError, ShmVec, Trace, TraceError, Tracer};
use crate::allocator::Allocator;
use crate::offset::AllocatorId;
use crate::sync::atomic::AtomicUsize;
use crate::sync::{Barrier, FairWords, Native, Patience, Signal, Unmet};
use crate::thread::Owner;

/// A `Barrier` in a heap that tells of participants that died, rather than waiting
/// for them for ever.
///
/// It has a fixed number of places. Whoever takes part [joins](Self::join) first, and
/// waits through its [`Participant`]; so it is known whom the others wait for. When
/// every place is taken and everyone there has arrived, the round ends for all, one
/// of them is told to be the leader, and the next round begins.
///
/// # When a participant dies
///
/// If it had arrived, the round ends all the same. Else the barrier is broken: those
/// who wait, within some hundredths of a second, and those who come later get
/// [`BarrierError::Broken`], until somebody calls [`repair`](Self::repair). That frees
/// the places of the dead, so others can join. (Whoever joins in the place of a dead
/// one before it was missed replaces it, and nothing is broken.)
///
/// ```no_run
/// use anymem_core::container::{BarrierError, ShmBarrier};
///
/// fn work(steps: &ShmBarrier) -> Result<(), BarrierError> {
///     let me = steps.join()?;
///     for _ in 0..10 {
///         // Do a part of the step; then, when all parts are done:
///         if me.wait()?.is_leader() {
///             // Put them together.
///         }
///         me.wait()?;
///     }
///     Ok(())
/// }
/// ```
#[repr(C)]
pub struct ShmBarrier {
    lock: FairWords,
    changed: AtomicUsize,
    round: AtomicUsize,
    places: ShmVec<AtomicUsize>,
}

/// Why a round did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BarrierError {
    /// A participant died that had not arrived: this one, if it has not been replaced.
    /// [`ShmBarrier::repair`] makes the barrier whole.
    Broken(Option<Owner>),
    /// The time is over, and the caller has not arrived.
    TimedOut,
    /// Living processes have all places.
    Full,
    /// The place is another process's: this one is a child of its participant.
    NoParticipant,
    /// The heap is not attached or read-only, or the barrier is damaged, or
    /// [kept](ContainerError::Busy) by somebody who was stopped just then: who had
    /// arrived still has.
    Heap(ContainerError),
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(Some(dead)) => {
                write!(f, "{dead} died before it came to the barrier: repair the barrier")
            }
            Self::Broken(None) => {
                f.write_str("somebody died before it came to the barrier: repair the barrier")
            }
            Self::TimedOut => f.write_str("not all came to the barrier in time"),
            Self::Full => f.write_str("all places of the barrier are taken"),
            Self::NoParticipant => f.write_str("this process has no part in the barrier: join it"),
            Self::Heap(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for BarrierError {}

impl From<ContainerError> for BarrierError {
    fn from(error: ContainerError) -> Self {
        Self::Heap(error)
    }
}

impl From<Unmet> for BarrierError {
    fn from(unmet: Unmet) -> Self {
        match unmet {
            Unmet::Broken(dead) => Self::Broken(dead),
            Unmet::TimedOut => Self::TimedOut,
            Unmet::NoParticipant => Self::NoParticipant,
            Unmet::Busy(holder) => Self::Heap(ContainerError::Busy(holder)),
        }
    }
}

impl ShmBarrier {
    /// A barrier for so many participants, in `heap`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn new_in(
        participants: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let words = participants.saturating_mul(Barrier::<'_, Native>::WORDS);
        let mut places = ShmVec::with_capacity_in(words, heap)?;
        places.extend((0..words).map(|_| AtomicUsize::new(0)))?;
        let round = AtomicUsize::new(Barrier::<'_, Native>::FIRST);
        Ok(Self { lock: FairWords::new(), changed: AtomicUsize::new(0), round, places })
    }

    /// Takes a place.
    ///
    /// # Errors
    ///
    /// [`BarrierError::Full`], [`BarrierError::Heap`].
    pub fn join(&self) -> Result<Participant<'_>, BarrierError> {
        let (heap, barrier) = self.parts_to_write()?;
        let joined = barrier.join(heap.model()).map_err(ContainerError::Busy)?;
        let number = joined.ok_or(BarrierError::Full)?;
        Ok(Participant { barrier: self, heap, number, _of_this_thread: PhantomData })
    }

    /// Frees the places of the dead, and makes a broken barrier whole: a new round
    /// begins, in which nobody has arrived. How many places were freed.
    ///
    /// # Errors
    ///
    /// The heap is not attached or read-only, or the barrier is damaged or kept.
    pub fn repair(&self) -> Result<usize, ContainerError> {
        let (heap, barrier) = self.parts_to_write()?;
        barrier.repair(heap.model()).map_err(ContainerError::Busy)
    }

    /// Whether a death broke it, and nobody repaired it.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the barrier is damaged.
    pub fn is_broken(&self) -> Result<bool, ContainerError> {
        Ok(self.parts()?.is_broken())
    }

    /// How many places there are.
    #[must_use]
    pub fn places(&self) -> usize {
        self.places.len() / Barrier::<'_, Native>::WORDS
    }

    /// How many of them are taken at some moment, by the living or the dead.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the barrier is damaged.
    pub fn joined(&self) -> Result<usize, ContainerError> {
        Ok(self.parts()?.participants().flatten().count())
    }

    /// The id of the heap that it was made for.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.places.heap_id()
    }

    fn parts(&self) -> Result<Barrier<'_>, ContainerError> {
        let (lock, changed) = (self.lock.fair(), Signal::new(&self.changed));
        Ok(Barrier::new(lock, changed, &self.round, self.places.as_slice()?))
    }

    fn parts_to_write(&self) -> Result<(Heap, Barrier<'_>), ContainerError> {
        let heap = Heap::find(self.heap_id())?;
        heap.writable()?;
        Ok((heap, self.parts()?))
    }
}

impl Trace for ShmBarrier {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.places.trace(tracer)
    }

    fn settle(&mut self, levels: u32) {
        self.places.settle(levels);
    }
}

impl fmt::Debug for ShmBarrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            Ok(barrier) => barrier.fmt(f),
            Err(error) => write!(f, "ShmBarrier(<{error}>)"),
        }
    }
}

/// A place at a barrier, given back on drop: the others then wait for whoever joins
/// next.
#[must_use = "the place is given back when this is dropped"]
pub struct Participant<'b> {
    barrier: &'b ShmBarrier,
    heap: Heap,
    number: usize,
    _of_this_thread: PhantomData<*const ()>,
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Met {
    leader: bool,
}

impl Met {
    /// Whether the caller is the one of all participants that is the leader.
    #[must_use]
    pub fn is_leader(self) -> bool {
        self.leader
    }
}

impl Participant<'_> {
    /// Arrives, and waits until all others have.
    ///
    /// # Errors
    ///
    /// [`BarrierError::Broken`], [`BarrierError::NoParticipant`],
    /// [`BarrierError::Heap`].
    pub fn wait(&self) -> Result<Met, BarrierError> {
        self.wait_within(Patience::Endless)
    }

    /// As [`wait`](Self::wait), for `most` at most: then the caller has not arrived.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait), and [`BarrierError::TimedOut`].
    pub fn wait_timeout(&self, most: Duration) -> Result<Met, BarrierError> {
        self.wait_within(Patience::of(most, self.heap.model()))
    }

    /// The number of the place, below that of places: no other participant has it.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    fn wait_within(&self, patience: Patience) -> Result<Met, BarrierError> {
        let leader = self.barrier.parts()?.wait(self.number, patience, self.heap.model())?;
        Ok(Met { leader })
    }
}

impl Drop for Participant<'_> {
    fn drop(&mut self) {
        if let Ok(barrier) = self.barrier.parts() {
            // What somebody keeps from being given back is so when this process ends.
            let _ = barrier.leave(self.number, self.heap.model());
        }
    }
}

impl fmt::Debug for Participant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Participant({})", self.number)
    }
}
