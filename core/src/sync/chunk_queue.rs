//! A queue without a bound: elements in chunks, which are allocated and freed as it
//! goes.
//!
//! # What it guarantees
//!
//! - Elements come out in the order in which they went in, each once.
//! - A death loses at most the element that was on its way in or out. Chunks that
//!   were being linked or freed come back when the dead are recovered.
//! - Who adds and who takes do not wait for each other.
//! - No chunk is freed that somebody may still look at, in whatever process.
//!
//! # Protocol
//!
//! ```text
//!  head                                tail
//!   ▼                                   ▼
//! ┌───────────────────┐  next  ┌───────────────────┐
//! │ first   ▒ ▒ ▒ 3 4 ├───────▶│ first   5 6 _ _ _ │
//! └───────────────────┘        └───────────────────┘
//!          popped ▲                  pushed ▲
//! ```
//!
//! `pushed` and `popped` count elements, and say of each chunk, which knows the
//! number of its first element, what is in it. Each end has a
//! [lock](RobustLock), for two reasons: a count of who is looking at a chunk would
//! have to be repaired after a death, while a lock names its holder; and so each
//! step is one store.
//!
//! | step | under the lock of | what |
//! |---|---|---|
//! | append | the tail | links a chunk behind the last one, then moves `tail` to it |
//! | push | the tail | writes the element, then adds to `pushed` |
//! | retire | the head | moves `head` to the next chunk, and frees the one before |
//! | pop | the head | reads the element, then adds to `popped` |
//!
//! A chunk is retired when an element of the next one was pushed. So `tail` has
//! left it: that was stored before, and never goes back. Where somebody died
//! between linking a chunk and moving `tail`, who pushes next finds it linked.

use core::fmt;

use super::atomic::{Ordering, compiler_fence};
use super::{
    Acquired, AtomicInt, Atomics, Native, PATIENCE, Park, RobustGuard, RobustLock, Signal,
};
use crate::offset::Offset;
use crate::thread::Owner;

/// In `pushed`: no more elements come.
const CLOSED: usize = 1;

/// One element more.
const ONE: usize = 2;

/// Where a queue's chunks are, and how they come and go.
pub trait Chunks {
    /// The family of atomics the words are of.
    type A: Atomics;

    /// Why there is no chunk.
    type Error;

    /// How many elements a chunk has room for.
    const ROOM: usize;

    /// The word of the chunk that names the next one, null at first, and the one
    /// with the number of its first element.
    ///
    /// # Errors
    ///
    /// There is no chunk.
    #[expect(clippy::type_complexity, reason = "two words of whatever family")]
    fn words(
        &self,
        chunk: Offset,
    ) -> Result<(&<Self::A as Atomics>::Word, &<Self::A as Atomics>::Word), Self::Error>;

    /// Makes a chunk whose first element is number `first`, and lets `link` name
    /// it.
    ///
    /// # Errors
    ///
    /// There is no memory.
    fn append(
        &self,
        link: &<Self::A as Atomics>::Word,
        first: usize,
    ) -> Result<Offset, Self::Error>;

    /// Lets `link`, which names `old`, name `next`, and frees `old`.
    ///
    /// # Errors
    ///
    /// Nothing was done.
    fn retire(
        &self,
        link: &<Self::A as Atomics>::Word,
        old: Offset,
        next: Offset,
    ) -> Result<(), Self::Error>;

    /// Settles what a dead process was doing with a link.
    fn recover(&self);

    /// The numbers in the queue make no sense.
    fn corrupt(&self) -> Self::Error;
}

/// The words of a queue, as they stand in a segment. All zero bytes are a queue
/// whose first chunk is yet to be linked.
#[repr(C)]
pub struct QueueWords<A: Atomics = Native> {
    tail: End<A::Word>,
    pushed: Count<A::Word>,
    head: End<A::Word>,
    popped: Count<A::Word>,
}

#[repr(C, align(128))]
struct End<W> {
    lock: W,
    chunk: W,
    /// In the tail only: the signal that there is something.
    filled: W,
}

#[repr(C, align(128))]
struct Count<W> {
    word: W,
}

impl<A: Atomics> QueueWords<A> {
    /// Those of a queue without a chunk, made of words that hold 0.
    #[must_use]
    pub fn new(word: impl Fn() -> A::Word) -> Self {
        let end = || End { lock: word(), chunk: word(), filled: word() };
        let count = || Count { word: word() };
        Self { tail: end(), pushed: count(), head: end(), popped: count() }
    }

    /// The one that somebody may sleep on.
    #[must_use]
    pub fn slept_on(&self) -> [&A::Word; 1] {
        [&self.tail.filled]
    }
}

impl<A: Atomics> fmt::Debug for QueueWords<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueWords")
    }
}

/// Why an element was not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotPushed<E> {
    /// The queue was closed.
    Closed,
    /// This process keeps the end for too long.
    Busy(Owner),
    /// There is no chunk for it.
    NoChunk(E),
}

/// Why no element was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotPopped<E> {
    /// There is none.
    Empty,
    /// There is none, and none will come.
    Closed,
    /// This process keeps the end for too long.
    Busy(Owner),
    /// There is no chunk with it.
    NoChunk(E),
}

/// An element's place: its chunk, and its index there.
pub type Place = (Offset, usize);

/// The protocol of the queue.
#[derive(Debug)]
pub struct ChunkQueue<'w, C: Chunks> {
    words: &'w QueueWords<C::A>,
    chunks: &'w C,
}

impl<'w, C: Chunks> ChunkQueue<'w, C> {
    /// The queue whose state is in `words`.
    #[must_use]
    pub const fn new(words: &'w QueueWords<C::A>, chunks: &'w C) -> Self {
        Self { words, chunks }
    }

    /// Links the first chunk to a queue that nobody else knows of yet.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub fn begin(&self) -> Result<(), C::Error> {
        let first = self.chunks.append(&self.words.head.chunk, 0)?;
        self.words.tail.chunk.store(first.get(), Ordering::Relaxed);
        Ok(())
    }

    /// Adds the element that `write` writes to its place.
    ///
    /// # Errors
    ///
    /// See [`NotPushed`]; `write` was not called then, or is what failed.
    pub fn push<M: Park<C::A> + ?Sized>(
        &self,
        model: &M,
        write: impl FnOnce(Place) -> Result<(), C::Error>,
    ) -> Result<(), NotPushed<C::Error>> {
        {
            let _lock = self.lock(&self.words.tail, model).map_err(NotPushed::Busy)?;
            // Relaxed, here and below: who has the tail's lock changes it.
            let pushed = self.words.pushed.word.load(Ordering::Relaxed);
            if pushed & CLOSED != 0 {
                return Err(NotPushed::Closed);
            }
            let place = self.vacancy(pushed).map_err(NotPushed::NoChunk)?;
            write(place).map_err(NotPushed::NoChunk)?;
            compiler_fence(Ordering::SeqCst);
            // Release: pairs with the Acquire in `available`; publishes the element,
            // and that the tail has moved.
            self.words.pushed.word.store(pushed.wrapping_add(ONE), Ordering::Release);
        }
        self.filled().announce(1, model);
        Ok(())
    }

    /// Where the next element goes.
    fn vacancy(&self, pushed: usize) -> Result<Place, C::Error> {
        let tail = Offset::new(self.words.tail.chunk.load(Ordering::Relaxed));
        let (link, first) = self.chunks.words(tail)?;
        let index = index(pushed, first.load(Ordering::Relaxed));
        if index < C::ROOM {
            return Ok((tail, index));
        }
        if index > C::ROOM {
            return Err(self.chunks.corrupt());
        }
        let next = match Offset::new(link.load(Ordering::Relaxed)) {
            Offset::NULL => self.chunks.append(link, pushed)?,
            // Whoever linked it died.
            next => next,
        };
        if self.chunks.words(next)?.1.load(Ordering::Relaxed) != pushed {
            return Err(self.chunks.corrupt());
        }
        compiler_fence(Ordering::SeqCst);
        self.words.tail.chunk.store(next.get(), Ordering::Relaxed);
        Ok((next, 0))
    }

    /// Takes the first element, which `read` moves out of its place.
    ///
    /// # Errors
    ///
    /// See [`NotPopped`]; `read` was not called then, or is what failed.
    pub fn pop<M: Park<C::A> + ?Sized, R>(
        &self,
        model: &M,
        read: impl FnOnce(Place) -> Result<R, C::Error>,
    ) -> Result<R, NotPopped<C::Error>> {
        // Without the lock: where there is nothing nobody need be disturbed.
        self.available(self.words.popped.word.load(Ordering::Relaxed))?;
        let _lock = self.lock(&self.words.head, model).map_err(NotPopped::Busy)?;
        self.pop_alone(read)
    }

    /// Settles what the dead left, for the only one that knows of the queue.
    pub fn own(&self) {
        let ends = [&self.words.tail, &self.words.head];
        if ends.iter().any(|end| RobustLock::<C::A>::new(&end.lock).holder().is_some()) {
            self.chunks.recover();
        }
    }

    /// As [`pop`](Self::pop), for the only one that knows of the queue, or has the
    /// head's lock.
    ///
    /// # Errors
    ///
    /// As [`pop`](Self::pop).
    pub fn pop_alone<R>(
        &self,
        read: impl FnOnce(Place) -> Result<R, C::Error>,
    ) -> Result<R, NotPopped<C::Error>> {
        let popped = self.words.popped.word.load(Ordering::Relaxed);
        self.available(popped)?;
        let place = self.first(popped).map_err(NotPopped::NoChunk)?;
        let element = read(place).map_err(NotPopped::NoChunk)?;
        compiler_fence(Ordering::SeqCst);
        self.words.popped.word.store(popped.wrapping_add(ONE), Ordering::Relaxed);
        Ok(element)
    }

    /// Whether there is an element behind so many.
    fn available(&self, popped: usize) -> Result<(), NotPopped<C::Error>> {
        // Acquire: pairs with the Release in `push` and `close`.
        let pushed = self.words.pushed.word.load(Ordering::Acquire);
        match pushed.wrapping_sub(popped) {
            0 => Err(NotPopped::Empty),
            CLOSED => Err(NotPopped::Closed),
            _ => Ok(()),
        }
    }

    /// Where the first element is, there being one.
    fn first(&self, popped: usize) -> Result<Place, C::Error> {
        let head = Offset::new(self.words.head.chunk.load(Ordering::Relaxed));
        let (link, first) = self.chunks.words(head)?;
        let index = index(popped, first.load(Ordering::Relaxed));
        if index < C::ROOM {
            return Ok((head, index));
        }
        let next = Offset::new(link.load(Ordering::Relaxed));
        let is_next = self.chunks.words(next)?.1.load(Ordering::Relaxed) == popped;
        if index > C::ROOM || !is_next {
            return Err(self.chunks.corrupt());
        }
        self.chunks.retire(&self.words.head.chunk, head, next)?;
        compiler_fence(Ordering::SeqCst);
        Ok((next, 0))
    }

    /// The chunks from the first on, with the elements in each as a range of
    /// indices, for the only one that knows of the queue. Goes on while `visit` is
    /// true.
    ///
    /// # Errors
    ///
    /// The numbers in the queue make no sense.
    pub fn for_each_chunk(
        &self,
        mut visit: impl FnMut(Offset, core::ops::Range<usize>) -> Result<bool, C::Error>,
    ) -> Result<(), C::Error> {
        let pushed = self.words.pushed.word.load(Ordering::Acquire) & !CLOSED;
        let mut popped = self.words.popped.word.load(Ordering::Relaxed);
        let mut chunk = Offset::new(self.words.head.chunk.load(Ordering::Relaxed));
        let mut expected = None;
        while !chunk.is_null() {
            let (link, first) = self.chunks.words(chunk)?;
            let first = first.load(Ordering::Relaxed);
            // The numbers rise, so no chunk comes twice.
            if expected.is_some_and(|expected| expected != first) {
                return Err(self.chunks.corrupt());
            }
            let (start, end) = (index(popped, first), index(pushed, first).min(C::ROOM));
            if start > end {
                return Err(self.chunks.corrupt());
            }
            if !visit(chunk, start..end)? {
                return Ok(());
            }
            popped = first.wrapping_add(C::ROOM * ONE);
            expected = Some(popped);
            chunk = Offset::new(link.load(Ordering::Relaxed));
            // One that somebody linked and died.
            if index(pushed, first) < C::ROOM && !chunk.is_null() {
                return Err(self.chunks.corrupt());
            }
        }
        Ok(())
    }

    /// Lets no more elements in.
    ///
    /// # Errors
    ///
    /// Who keeps the tail for too long.
    pub fn close<M: Park<C::A> + ?Sized>(&self, model: &M) -> Result<(), Owner> {
        {
            let _lock = self.lock(&self.words.tail, model)?;
            self.words.pushed.word.fetch_or(CLOSED, Ordering::Release);
        }
        self.filled().announce(u32::MAX, model);
        Ok(())
    }

    /// Whether the queue was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.words.pushed.word.load(Ordering::Acquire) & CLOSED != 0
    }

    /// How many elements there are at this moment.
    #[must_use]
    pub fn len(&self) -> usize {
        let popped = self.words.popped.word.load(Ordering::Acquire);
        index(self.words.pushed.word.load(Ordering::Acquire) & !CLOSED, popped)
    }

    /// Whether there are none at this moment.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What those wait for who find nothing.
    #[must_use]
    pub fn filled(&self) -> Signal<'w, C::A> {
        Signal::new(&self.words.tail.filled)
    }

    /// Takes an end's lock, and settles what its dead holder left.
    fn lock<M: Park<C::A> + ?Sized>(
        &self,
        end: &'w End<<C::A as Atomics>::Word>,
        model: &M,
    ) -> Result<RobustGuard<'w, C::A>, Owner> {
        let lock = RobustLock::new(&end.lock).lock_within(PATIENCE, model)?;
        if lock.acquired() != Acquired::Free {
            self.chunks.recover();
        }
        Ok(lock)
    }
}

/// How many elements there are from number `first` to number `count`.
const fn index(count: usize, first: usize) -> usize {
    count.wrapping_sub(first) / ONE
}
