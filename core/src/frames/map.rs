//! What everybody shares: which frames are free, and which areas are not worth a look.
//!
//! # Protocol
//!
//! Two bitmaps are the truth ([`FreeBits`]). One has a bit a frame. The other one has a bit for
//! each word of the first, which is set while all frames of the word are free *as a whole*; their
//! own bits are 0 then, so who looks for single frames passes them by and need not know of the
//! other bitmap. A frame is free if its bit or its word's is set, and never are both.
//!
//! Who clears bits in either bitmap has their frames, alone; who has frames may set bits of
//! theirs, in either. All that is done is made of these two steps, each one update of a word:
//!
//! | | clears | then sets |
//! |---|---|---|
//! | take frames of a word | their bits | |
//! | take whole words | the words' bits | |
//! | take a word that is not free as a whole | the bits of its frames | |
//! | cut a word, for frames of it | the word's bit | the bits of its other frames |
//! | free | | the frames' bits, or those of whole words |
//!
//! - An update takes as many whole words as a word has bits: a huge frame is 8 of them, and 64
//!   are 16 MiB. Frames that were freed one by one are whole again once they were taken and
//!   freed as such: what comes and goes by the frame is left as it is.
//! - Who cuts a word has its frames between the two steps, as far as others can see: a search
//!   that passes by at that moment does not find them. Nobody waits for him.
//! - Who takes words keeps each at once, so that those who cut words at every moment, as an
//!   interrupt handler may, do not keep him from it.
//! - Who frees a part of a word of which no bit is set looks at the word's bit first, and who
//!   frees whole words at the bits of their frames: so frames that are free already are seen.
//!   Those that two free at the same moment are, if both do it by the frame or both by the word.
//! - A run of several pieces is taken one by one, and put back where one is not free.
//!
//! An area's note says which groups it lacks ([`Notes`]), and spares searches a look at it. It
//! may promise too much, never too little, once nobody is at work:
//!
//! 1. Who finds no group of an order in an area lowers the note, and looks again, by updates
//!    that change nothing. If there is a group now, it opens the note.
//! 2. Who sets bits, be it to free or to cut, then opens the note if that denies a
//!    group which there is now.
//!
//! A word's updates are in one order. Where the second look comes first, who sets bits sees the
//! lowered note, and opens it; otherwise the second look finds them, or that somebody has taken
//! them since, who sets them again if he keeps them not. So no group is denied for longer than
//! somebody takes from one step to the next.

use super::bits::{FreeBits, WORD_ORDER, groups, set_bits};
use super::layout::{BITS, LINE_WORDS, Layout};
use super::notes::{Notes, OPEN};
use super::piece::{Piece, first_in};
use crate::sync::Arena;

/// Which frames are free. All frames are named by their index.
#[derive(Debug)]
pub(super) struct FrameMap<'a, M: Arena> {
    /// A bit a frame.
    pub(super) bits: FreeBits<'a, M>,
    /// A bit a word of `bits`.
    pub(super) wholes: FreeBits<'a, M>,
    pub(super) notes: Notes<'a, M>,
    pub(super) layout: &'a Layout,
}

impl<M: Arena> Clone for FrameMap<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: Arena> Copy for FrameMap<'_, M> {}

impl<'a, M: Arena> FrameMap<'a, M> {
    #[inline]
    pub(super) const fn new(arena: &'a M, layout: &'a Layout) -> Self {
        Self {
            bits: FreeBits::new(arena, Layout::BITS),
            wholes: FreeBits::new(arena, layout.wholes),
            notes: Notes::new(arena, layout.notes),
            layout,
        }
    }

    /// The frames of a word that are free, as they were at some moment.
    #[inline]
    pub(super) fn look(&self, index: usize) -> usize {
        match self.bits.look(index) {
            0 if self.wholes.has(index) => usize::MAX,
            bits => bits,
        }
    }

    /// Whether all frames of a word are free as a whole.
    #[inline]
    fn is_whole(&self, index: usize) -> bool {
        self.bits.look(index) == 0 && self.wholes.has(index)
    }

    /// Takes a frame if it is free, and not as a part of a whole word.
    #[inline]
    pub(super) fn take_one(&self, frame: usize) -> bool {
        frame < self.layout.end && self.bits.take_one(frame)
    }

    /// Frees a frame; whether it was taken.
    #[inline]
    pub(super) fn put_one(&self, frame: usize) -> bool {
        let put = !self.is_whole(frame / BITS) && self.bits.put_one(frame);
        if put {
            self.note_freed(frame / BITS);
        }
        put
    }

    /// Frees the frames of `mask` in a word, but for those that are free already; their bits.
    pub(super) fn put_all(&self, index: usize, mask: usize) -> usize {
        if self.is_whole(index) {
            return mask;
        }
        let free = self.bits.put_all(index, mask);
        self.note_freed(index);
        free
    }

    /// Takes `first..first + count`.
    ///
    /// # Errors
    ///
    /// A frame that is not free.
    #[inline]
    pub(super) fn take(&self, first: usize, count: usize) -> Result<(), usize> {
        match Piece::group(first, count) {
            Some(piece) => self.take_piece(piece),
            None => self.take_pieces(first, count),
        }
    }

    fn take_pieces(&self, first: usize, count: usize) -> Result<(), usize> {
        Piece::all(first, count).try_for_each(|piece| {
            self.take_piece(piece).inspect_err(|_| self.put_back(first, piece.first() - first))
        })
    }

    /// Frees what a taker got before it met with a frame that was not free.
    fn put_back(&self, first: usize, count: usize) {
        if count != 0 {
            // It fails if somebody freed frames that he did not have: these are free then.
            let _ = self.put(first, count);
        }
    }

    #[inline]
    fn take_piece(&self, piece: Piece) -> Result<(), usize> {
        match piece {
            Piece::Part(index, frames) => self.take_part(index, frames),
            Piece::Whole(index, words) => self.take_whole(index, words),
        }
    }

    #[inline]
    fn take_part(&self, index: usize, frames: usize) -> Result<(), usize> {
        match self.bits.take(index, frames) {
            Err(_) if self.cut(index, frames) => Ok(()),
            taken => taken.map_err(|seen| first_in(index, frames & !seen)),
        }
    }

    /// Takes frames of a word that is free as a whole; whether it was.
    fn cut(&self, index: usize, frames: usize) -> bool {
        let cut = self.is_whole(index) && self.wholes.take_one(index);
        if cut {
            self.keep_of(index, frames);
        }
        cut
    }

    /// Frees what is not kept of a word that was taken as a whole.
    pub(super) fn keep_of(&self, index: usize, frames: usize) {
        self.bits.put_all(index, !frames);
        self.note_freed(index);
    }

    #[inline]
    fn take_whole(&self, index: usize, words: usize) -> Result<(), usize> {
        self.wholes.take(index, words).or_else(|_| self.take_each(index, words))
    }

    /// Takes words one by one, be they free as a whole or by the frame.
    fn take_each(&self, index: usize, words: usize) -> Result<(), usize> {
        let first = first_in(index, words);
        set_bits(words).map(|bit| index * BITS + bit).try_for_each(|word| {
            let taken = self.take_word(word);
            taken.inspect_err(|_| self.put_back(first * BITS, (word - first) * BITS))
        })
    }

    fn take_word(&self, index: usize) -> Result<(), usize> {
        while !self.wholes.take_one(index) {
            match self.bits.take(index, usize::MAX) {
                Ok(()) => break,
                // Somebody has just freed it as a whole.
                Err(_) if self.wholes.has(index) => {}
                Err(seen) => return Err(first_in(index, !seen)),
            }
        }
        Ok(())
    }

    /// Frees `first..first + count`, one frame at least.
    ///
    /// # Errors
    ///
    /// A frame that is free already. Nothing has changed then, unless somebody else frees
    /// the same frames at this moment.
    #[inline]
    pub(super) fn put(&self, first: usize, count: usize) -> Result<(), usize> {
        match Piece::group(first, count) {
            Some(Piece::Part(index, frames)) => self.put_part(index, frames),
            Some(Piece::Whole(index, words))
                if self.bits.are_clear(first / BITS..(first + count) / BITS) =>
            {
                self.put_whole(index, words)
            }
            _ => self.put_pieces(first, count),
        }
    }

    fn put_pieces(&self, first: usize, count: usize) -> Result<(), usize> {
        if let Some(free) = self.first_free(first, count) {
            return Err(free);
        }
        Piece::all(first, count).try_for_each(|piece| match piece {
            Piece::Part(index, frames) => self.put_part(index, frames),
            Piece::Whole(index, words) => self.put_whole(index, words),
        })
    }

    #[inline]
    fn put_part(&self, index: usize, frames: usize) -> Result<(), usize> {
        if self.is_whole(index) {
            return Err(first_in(index, frames));
        }
        self.bits.put(index, frames).map_err(|seen| first_in(index, frames & seen))?;
        self.note_freed(index);
        Ok(())
    }

    /// Frees whole words, of whose frames none is free by its own bit.
    #[inline]
    fn put_whole(&self, index: usize, words: usize) -> Result<(), usize> {
        let put = self.wholes.put(index, words);
        put.map_err(|seen| first_in(index, words & seen) * BITS)?;
        let last = index * BITS + words.ilog2() as usize;
        let areas = first_in(index, words) / LINE_WORDS..=last / LINE_WORDS;
        areas.for_each(|area| self.open(area));
        Ok(())
    }

    /// Opens the note of the area if it denies a group that is in a word where bits were just
    /// set.
    #[inline]
    fn note_freed(&self, index: usize) {
        let area = index / LINE_WORDS;
        let lacked = self.notes.get(area);
        if lacked == OPEN {
            return;
        }
        // A whole word may complete a group of any order.
        if groups(self.bits.look(index), lacked.min(WORD_ORDER)) != 0 {
            self.notes.open(area);
        }
    }

    /// Opens the note of the area, in which a whole word may have completed a group of any order.
    #[inline]
    fn open(&self, area: usize) {
        if self.notes.get(area) != OPEN {
            self.notes.open(area);
        }
    }

    /// Notes that an area lacks groups of `order`, after a look at it.
    pub(super) fn note_lack(&self, area: usize, order: u32) {
        self.notes.lower(area, order);
        let wholes = self.wholes.settle(area * LINE_WORDS / BITS);
        let settled = |index| {
            let whole = wholes >> (index % BITS) & 1 != 0;
            if whole { usize::MAX } else { self.bits.settle(index) }
        };
        if self.last_group(area, order, usize::MAX, settled).is_some() {
            self.notes.open(area);
        }
    }
}
