//! What each processor remembers: where it found frames, and which ones it freed.
//!
//! All of it are hints: nothing is lost if they are wrong, and no frame is kept from others
//! by them. So they are plain loads and stores, but for the claims of homes, and an
//! interrupt handler or another processor may get in between any two.
//!
//! - Its *homes* are where it takes frames from: an area for single frames, one for groups, and
//!   a zone for groups of an area or more. Each is one processor's home at most, so processors work
//!   in lines of the cache of their own, and single frames are not scattered over what groups are
//!   cut from. Areas and zones are *places*, which are counted from the first area on.
//! - The frames that it freed last are a stack. What was freed last is taken first, for it
//!   is still in the caches. When the stack is empty, it gets what is free beside a frame
//!   that was found otherwise; when it is full, it begins anew.

use core::sync::atomic::Ordering;

use super::layout::{AREA_ORDER, BITS, CPU_WORDS, Layout, WORD};
use crate::offset::Offset;
use crate::page_table::SlabBits;
use crate::sync::{Arena, AtomicInt, Atomics};

/// Words of the homes, one a [`Kind`]: the place's number and 1, or 0.
const HOMES: usize = 0;
/// The word with the height of the stack.
const HEIGHT: usize = 3;
/// Where the stack begins.
const STACK: usize = 8;
/// Entries of the stack: more than a word has bits.
const MOST: usize = CPU_WORDS - STACK;

/// What a home is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Single frames.
    Single = 0,
    /// Several at once.
    Group = 1,
    /// An area or more at once.
    Large = 2,
}

impl Kind {
    pub(super) const fn of(order: u32) -> Self {
        match order {
            0 => Self::Single,
            1..AREA_ORDER => Self::Group,
            _ => Self::Large,
        }
    }
}

/// The hints of one processor, and which places are homes.
#[derive(Debug)]
pub(super) struct CpuHints<'a, M: Arena> {
    arena: &'a M,
    /// A bit a place: set if it is somebody's home.
    claims: SlabBits<'a, M>,
    at: Offset,
}

impl<'a, M: Arena> CpuHints<'a, M> {
    #[inline]
    pub(super) const fn new(arena: &'a M, layout: &Layout, cpu: usize) -> Self {
        Self { arena, claims: SlabBits::new(arena, layout.homes), at: layout.cpu(cpu) }
    }

    #[inline]
    fn word(&self, index: usize) -> &'a <M::A as Atomics>::Word {
        self.arena.word(self.at.add(index * WORD))
    }

    #[inline]
    fn look(&self, index: usize) -> usize {
        self.word(index).load(Ordering::Relaxed)
    }

    #[inline]
    fn set(&self, index: usize, value: usize) {
        self.word(index).store(value, Ordering::Relaxed);
    }

    /// The processor's home of that kind.
    #[inline]
    pub(super) fn home(&self, kind: Kind) -> Option<usize> {
        self.look(HOMES + kind as usize).checked_sub(1)
    }

    /// Makes a place that was [claimed](Self::claim) the home of that kind, and leaves the
    /// one before.
    pub(super) fn move_to(&self, kind: Kind, place: usize) {
        // A swap: of two who move at the same time, the later one leaves the earlier's home.
        let before = self.word(HOMES + kind as usize).swap(place + 1, Ordering::Relaxed);
        if let Some(before) = before.checked_sub(1) {
            self.leave(before);
        }
    }

    /// Makes sure that a place becomes nobody else's home; whether it was nobody's.
    pub(super) fn claim(&self, place: usize) -> bool {
        let bit = 1 << (place % BITS);
        self.claims.word(place / BITS).fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    /// Lets a place become somebody's home.
    pub(super) fn leave(&self, place: usize) {
        self.claims.clear(place, 1);
    }

    /// Whether a place is somebody's home.
    pub(super) fn is_claimed(&self, place: usize) -> bool {
        self.claims.get(place)
    }

    /// The processor's homes.
    pub(super) fn homes(&self) -> impl Iterator<Item = usize> {
        [Kind::Single, Kind::Group, Kind::Large].into_iter().filter_map(|kind| self.home(kind))
    }

    /// Remembers a frame that is free.
    #[inline]
    pub(super) fn push(&self, frame: usize) {
        let height = self.look(HEIGHT);
        let height = if height < MOST { height } else { 0 };
        self.set(STACK + height, frame);
        self.set(HEIGHT, height + 1);
    }

    /// Forgets the frame that was remembered last; which one.
    #[inline]
    pub(super) fn pop(&self) -> Option<usize> {
        let top = self.look(HEIGHT).checked_sub(1)?;
        self.set(HEIGHT, top);
        Some(self.look(STACK + top))
    }
}
