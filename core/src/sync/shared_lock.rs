//! A lock for many readers or one writer, all of whom have names.
//!
//! # What it guarantees
//!
//! - While somebody writes, nobody else reads or writes.
//! - Nobody waits for ever for the dead: a dead reader is struck out by the
//!   writer that it keeps waiting; a dead writer by whoever comes next, who is
//!   told ([`Access::Inherited`]).
//! - Writers do not starve: no reader comes in past a writer that waits, and
//!   writers wait for each other as at a [`FairLock`].
//! - Readers do not starve: when a writer leaves, all readers that wait are in,
//!   before the next writer.
//! - Reading and writing with nobody there makes no system call.
//!
//! Not promised: that a thread that reads may read again meanwhile; it would
//! wait for a writer that waits for it.
//!
//! # The words
//!
//! The *gate* is a fair lock. Who writes holds it, and so does a reader for whom
//! no name is left, and whoever strikes out the dead.
//!
//! The *names* say which process each reader belongs to: [`READERS`] of them. A
//! reader beyond these holds the gate while it reads; others still read beside
//! it.
//!
//! The *state*:
//!
//! | bits | field |
//! |---|---|
//! | 0–14 | the reader of this name reads |
//! | 15–29 | the reader of this name waits for a writer to leave |
//! | 30 | a writer waits for readers to leave, or writes |
//! | 31 | a writer writes |
//!
//! # Protocol
//!
//! | step | words, in this order |
//! |---|---|
//! | read | name: nobody → me; state: reads, or waits if there is a writer |
//! | end reading | state: reads no more; name: nobody |
//! | write | gate; state: a writer; when nobody reads: writes |
//! | end writing | state: no writer, and who waited reads; gate |
//! | strike out | gate; name: dead → me; state: neither reads nor waits; name: nobody |
//!
//! A bit of a reader is set only while its name is, so each bit has somebody who
//! lives or can be found dead. The bits of a writer are set only while somebody
//! holds the gate: who gets the gate and finds them set knows how far a dead
//! writer had come.

use core::fmt;
use core::sync::atomic::Ordering;

use super::{Acquired, AtomicInt, Atomics, FairLock, Native, Park, Patience};
use crate::thread::Owner;

/// How many readers have names at a time.
pub const READERS: usize = 15;

const ALL: usize = (1 << READERS) - 1;
const WRITER: usize = 1 << 30;
const WRITES: usize = 1 << 31;
const NOBODY: usize = 0;

/// Looks before a reader sleeps: most writers are short.
const SPINS: u32 = 32;

const fn reads(name: usize) -> usize {
    1 << name
}

const fn waits(name: usize) -> usize {
    1 << (READERS + name)
}

/// How a lock was had for writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "what an heir has may have to be repaired"]
pub enum Access {
    /// Whoever had it before has left it.
    Clean,
    /// This owner died while it wrote; pid 0 if it cannot be told.
    Inherited(Owner),
}

/// A reader's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a reader is to leave"]
pub enum Reader {
    /// It has this name.
    Named(usize),
    /// It holds the gate.
    AtGate,
}

/// Why nobody reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Patience has ended; the holder of the gate, as far as it tells.
    Busy(Option<Owner>),
    /// A writer seems to have died: [write](SharedLock::write) tells, and puts
    /// that right.
    WriterDied,
    /// This owner died while it wrote, as in [`Access::Inherited`]; the caller is
    /// the writer now.
    Inherited(Owner),
}

/// The protocol of the lock, over words that stand anywhere.
pub struct SharedLock<'w, A: Atomics = Native> {
    gate: FairLock<'w, A>,
    state: &'w A::Word,
    names: &'w [A::Word],
}

impl<'w, A: Atomics> SharedLock<'w, A> {
    /// The lock whose state is in these words, with a name for each of the
    /// first [`READERS`] of `names`.
    #[must_use]
    #[inline]
    pub const fn new(gate: FairLock<'w, A>, state: &'w A::Word, names: &'w [A::Word]) -> Self {
        Self { gate, state, names }
    }

    /// Who writes, or waits to.
    #[must_use]
    pub fn writer(&self) -> Option<Owner> {
        self.gate.holder().filter(|_| self.load() & WRITER != 0)
    }

    /// How many read, or wait to, of those who have names.
    #[must_use]
    pub fn readers(&self) -> usize {
        ((self.load() | self.load() >> READERS) & ALL).count_ones() as usize
    }

    /// Comes in to read.
    ///
    /// # Errors
    ///
    /// See [`Unread`].
    #[inline]
    pub fn read<M: Park<A> + ?Sized>(
        &self,
        patience: Patience,
        model: &M,
    ) -> Result<Reader, Unread> {
        let mut looks = 0;
        while looks < SPINS && self.state.load(Ordering::Relaxed) & WRITER != 0 {
            A::spin_hint();
            looks += 1;
        }
        self.come_in(patience, model)
    }

    /// Comes in to read, asleep where that takes time: what [`read`](Self::read)
    /// does when looking a few times did not help.
    ///
    /// # Errors
    ///
    /// See [`Unread`].
    #[inline]
    pub fn come_in<M: Park<A> + ?Sized>(
        &self,
        patience: Patience,
        model: &M,
    ) -> Result<Reader, Unread> {
        match self.take_name(model.owner().to_word()) {
            Some(name) => self.enter(name, patience, model),
            None => self.read_at_gate(patience, model),
        }
    }

    /// Ends reading.
    #[inline]
    pub fn end_read<M: Park<A> + ?Sized>(&self, reader: Reader, model: &M) {
        let me = model.owner();
        let Reader::Named(name) = reader else { return self.gate.release(me, model) };
        // A child of the reader has no part in it.
        if self.name(name).is_some_and(|word| word.load(Ordering::Relaxed) == me.to_word()) {
            self.leave(name, model);
        }
    }

    /// Comes in to write.
    ///
    /// # Errors
    ///
    /// Who else is there, once `patience` has ended: nobody who is known, where it
    /// is readers.
    #[inline]
    pub fn write<M: Park<A> + ?Sized>(
        &self,
        patience: Patience,
        model: &M,
    ) -> Result<Access, Option<Owner>> {
        let acquired = self.gate.acquire_within(patience, model)?;
        // Acquire: pairs with the Release in `leave` and `end_write`.
        let entered =
            self.state.compare_exchange(0, WRITER | WRITES, Ordering::Acquire, Ordering::Relaxed);
        match entered {
            Ok(_) => Ok(Access::Clean),
            Err(_) => self.wait_for_readers(acquired, patience, model),
        }
    }

    /// Comes in to write, if that can be had now.
    pub fn try_write<M: Park<A> + ?Sized>(&self, model: &M) -> Option<Access> {
        let acquired = self.gate.try_acquire(model.owner(), model)?;
        self.wait_for_readers(acquired, Patience::Looks(0), model).ok()
    }

    /// Ends writing; lets in the readers that wait.
    #[inline]
    pub fn end_write<M: Park<A> + ?Sized>(&self, model: &M) {
        let me = model.owner();
        // A child of the writer has no part in it.
        if self.gate.holder().is_some_and(|holder| holder.to_word() == me.to_word()) {
            self.open(model);
            self.gate.release(me, model);
        }
    }

    fn load(&self) -> usize {
        // Acquire: pairs with the Release in `leave` and `open`.
        self.state.load(Ordering::Acquire)
    }

    fn name(&self, name: usize) -> Option<&'w A::Word> {
        self.names.get(name)
    }

    /// Takes a name that nobody has.
    #[inline]
    fn take_name(&self, me: usize) -> Option<usize> {
        let busy = self.state.load(Ordering::Relaxed);
        let mut free = !(busy | busy >> READERS) & ALL;
        while free != 0 {
            let name = free.trailing_zeros() as usize;
            // Acquire: pairs with the Release of who had the name before.
            let taken = self.name(name).is_some_and(|word| {
                word.compare_exchange(NOBODY, me, Ordering::Acquire, Ordering::Relaxed).is_ok()
            });
            if taken {
                return Some(name);
            }
            free &= free - 1;
        }
        None
    }

    fn give_name_back(&self, name: usize) {
        if let Some(word) = self.name(name) {
            // Release: pairs with the Acquire in `take_name`.
            word.store(NOBODY, Ordering::Release);
        }
    }

    /// Reads under `name`, when no writer is there any more.
    fn enter<M: Park<A> + ?Sized>(
        &self,
        name: usize,
        mut patience: Patience,
        model: &M,
    ) -> Result<Reader, Unread> {
        loop {
            let seen = self.load();
            let next = match seen {
                // The writer that left has let us in.
                _ if seen & reads(name) != 0 => return Ok(Reader::Named(name)),
                _ if seen & WRITER == 0 => seen & !waits(name) | reads(name),
                _ if seen & waits(name) == 0 => seen | waits(name),
                _ => {
                    let Some(slice) = patience.slice(model) else {
                        let has_died = self.writer_died(model);
                        return self.wait_no_more(name, has_died);
                    };
                    if model.park(self.state, seen, slice) && self.writer_died(model) {
                        // Whoever writes by now: patience has not ended.
                        return self.wait_no_more(name, true);
                    }
                    continue;
                }
            };
            // Acquire: as in `load`.
            let _ = self.state.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed);
        }
    }

    /// Gives up waiting, for the writer's death or the end of patience, unless a writer has
    /// just let us in.
    fn wait_no_more(&self, name: usize, has_died: bool) -> Result<Reader, Unread> {
        // Acquire: as in `load`.
        let seen = self.state.fetch_and(!waits(name), Ordering::Acquire);
        if seen & reads(name) != 0 {
            return Ok(Reader::Named(name));
        }
        self.give_name_back(name);
        Err(if has_died { Unread::WriterDied } else { Unread::Busy(self.gate.holder()) })
    }

    /// Whether the writer that is waited for has died: the next one to write
    /// is its heir.
    fn writer_died<M: Park<A> + ?Sized>(&self, model: &M) -> bool {
        match self.gate.holder() {
            Some(holder) => !model.is_alive(holder),
            // It has just left, or never was.
            None => self.load() & WRITER != 0,
        }
    }

    /// Strikes out the dead, and reads: under a name if one is left now, else
    /// holding the gate.
    #[cold]
    fn read_at_gate<M: Park<A> + ?Sized>(
        &self,
        patience: Patience,
        model: &M,
    ) -> Result<Reader, Unread> {
        let me = model.owner();
        let acquired = self.gate.acquire_within(patience, model).map_err(Unread::Busy)?;
        if self.load() & WRITES != 0 {
            return Err(Unread::Inherited(former(acquired)));
        }
        if self.load() & WRITER != 0 {
            // One that died while it waited for readers.
            self.open(model);
        }
        self.strike_out(model);
        let Some(name) = self.take_name(me.to_word()) else { return Ok(Reader::AtGate) };
        // AcqRel: as in `enter`; no writer comes while the gate is held.
        self.state.fetch_or(reads(name), Ordering::AcqRel);
        self.gate.release(me, model);
        Ok(Reader::Named(name))
    }

    /// Leaves.
    #[inline]
    fn leave<M: Park<A> + ?Sized>(&self, name: usize, model: &M) {
        // Release: pairs with the Acquire of the writer; what was read is read.
        let seen = self.state.fetch_and(!reads(name), Ordering::Release);
        self.give_name_back(name);
        if seen & WRITER != 0 && seen & ALL & !reads(name) == 0 {
            model.unpark(self.state, u32::MAX);
        }
    }

    /// Waits until nobody reads; the gate is held.
    #[cold]
    fn wait_for_readers<M: Park<A> + ?Sized>(
        &self,
        acquired: Acquired,
        mut patience: Patience,
        model: &M,
    ) -> Result<Access, Option<Owner>> {
        // AcqRel: as in `load`.
        let before = self.state.fetch_or(WRITER, Ordering::AcqRel);
        loop {
            let seen = self.load();
            if seen & ALL == 0 {
                let next = seen | WRITES;
                let entered =
                    self.state.compare_exchange(seen, next, Ordering::Acquire, Ordering::Relaxed);
                match entered {
                    Ok(_) => return Ok(access(before, acquired)),
                    Err(_) => continue,
                }
            }
            let slice = patience.slice(model);
            if slice.is_none_or(|slice| model.park(self.state, seen, slice)) {
                self.strike_out(model);
            }
            if slice.is_none() && self.load() & ALL != 0 {
                self.give_up(before, model);
                return Err(None);
            }
        }
    }

    /// Does not write after all; what a dead writer left stays.
    fn give_up<M: Park<A> + ?Sized>(&self, before: usize, model: &M) {
        if before & WRITES == 0 {
            self.open(model);
        }
        self.gate.release(model.owner(), model);
    }

    /// Ends writing, or waiting to: who waited reads.
    fn open<M: Park<A> + ?Sized>(&self, model: &M) {
        loop {
            let seen = self.load();
            let waiting = seen >> READERS & ALL;
            let next = seen & ALL | waiting;
            // Release: pairs with the Acquire of readers and writers.
            if self.state.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                if waiting != 0 {
                    model.unpark(self.state, u32::MAX);
                }
                return;
            }
        }
    }

    /// Takes from the dead their names, and the bits with them. The gate is held:
    /// nobody else does that.
    #[cold]
    fn strike_out<M: Park<A> + ?Sized>(&self, model: &M) {
        let me = model.owner().to_word();
        for (name, word) in self.names.iter().enumerate().take(READERS) {
            let bits = reads(name) | waits(name);
            let found = word.load(Ordering::Acquire);
            let lives = match found {
                NOBODY => self.load() & bits == 0,
                found => model.is_alive(Owner::from_word(found)),
            };
            // Until the bits are gone nobody else may have the name.
            if !lives
                && word.compare_exchange(found, me, Ordering::AcqRel, Ordering::Relaxed).is_ok()
            {
                self.state.fetch_and(!bits, Ordering::AcqRel);
                word.store(NOBODY, Ordering::Release);
            }
        }
    }
}

/// How the lock was had, by what the state was before, and how the gate was had.
fn access(before: usize, acquired: Acquired) -> Access {
    if before & WRITES == 0 { Access::Clean } else { Access::Inherited(former(acquired)) }
}

/// Who held the gate before it was `acquired`; pid 0 if that cannot be told.
fn former(acquired: Acquired) -> Owner {
    match acquired {
        Acquired::Recovered(owner) => owner,
        Acquired::Free => Owner { pid: 0, start: 0 },
    }
}

impl<A: Atomics> Clone for SharedLock<'_, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<A: Atomics> Copy for SharedLock<'_, A> {}

impl<A: Atomics> fmt::Debug for SharedLock<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.writer() {
            Some(owner) => write!(f, "SharedLock(written by {owner})"),
            None => write!(f, "SharedLock({} readers)", self.readers()),
        }
    }
}
