//! Heap slots: which thread of which process allocates through which.
//!
//! A slot is held by one thread at a time and outlives it: the slabs it owns
//! stay with it, and whoever holds it next inherits them.
//!
//! # Protocol
//!
//! | state word | bits (64-bit) | bits (32-bit) |
//! |---|---|---|
//! | state | 0–1 | 0–1 |
//! | process id | 2–23 | 2–23 |
//! | generation, counts claims | 24–63 | 24–31 |
//!
//! ```text
//! IDLE ──claim──▶ HELD ──release──▶ IDLE
//!                  │ holder dead
//!                  ▼
//!              RECOVERING ──release──▶ IDLE      (recoverer dead: RECOVERING again)
//! ```
//!
//! The word beside it holds the holder's [`start`](Owner::start); 0 means "not known",
//! which counts as alive for as long as the process id is in use. It is cleared before
//! a take-over and before a release, so it never tells of a former holder.

use core::sync::atomic::Ordering;

use super::geometry::WORD;
use crate::offset::Offset;
use crate::sync::{Arena, AtomicInt};
use crate::thread::{Liveness, Owner};

const STATE: usize = 0b11;
const IDLE: usize = 0;
const HELD: usize = 1;
const RECOVERING: usize = 2;
const PID_SHIFT: u32 = 2;
const PID: usize = (1 << 22) - 1;
const GENERATION_SHIFT: u32 = 24;

/// A holder that was found dead.
#[derive(Debug, Clone, Copy)]
pub struct DeadHolder {
    slot: usize,
    /// The state word that named it, whose generation nobody else ever has.
    seen: usize,
}

/// The state words of all slots of a segment.
#[derive(Debug, Clone, Copy)]
pub struct SlotTable<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
    slots: usize,
}

impl<'a, M: Arena> SlotTable<'a, M> {
    /// The table of `slots` slots, two words each, that starts at `at`.
    pub const fn new(arena: &'a M, at: Offset, slots: usize) -> Self {
        Self { arena, at, slots }
    }

    /// Where the state word of `slot` stands.
    pub fn state_at(&self, slot: usize) -> Offset {
        self.at.add(slot * 2 * WORD)
    }

    /// Whether `slot` is in one of the states that there are.
    pub fn has_known_state(&self, slot: usize) -> bool {
        matches!(self.state(slot).load(Ordering::Relaxed) & STATE, IDLE | HELD | RECOVERING)
    }

    fn state(&self, slot: usize) -> &'a <M::A as crate::sync::Atomics>::Word {
        self.arena.word(self.state_at(slot))
    }

    fn start(&self, slot: usize) -> &'a <M::A as crate::sync::Atomics>::Word {
        self.arena.word(self.at.add(slot * 2 * WORD + WORD))
    }

    /// Whether nobody held `slot` a moment ago.
    pub fn is_idle(&self, slot: usize) -> bool {
        self.state(slot).load(Ordering::Relaxed) & STATE == IDLE
    }

    /// Claims `slot` if it is idle.
    pub fn claim_at(&self, slot: usize, owner: Owner) -> bool {
        let seen = self.state(slot).load(Ordering::Relaxed);
        seen & STATE == IDLE && self.take(slot, seen, HELD, owner)
    }

    /// The holder of `slot`, if it is dead.
    pub fn find_dead(&self, slot: usize, liveness: &dyn Liveness) -> Option<DeadHolder> {
        let seen = self.state_with_start(slot);
        let holder = self.holder_of(slot, seen)?;
        (!liveness.is_alive(holder)).then_some(DeadHolder { slot, seen })
    }

    /// Whether nobody has taken the slot over from a dead holder yet.
    pub fn is_held_by(&self, dead: &DeadHolder) -> bool {
        // Acquire: who sees what the next holder wrote sees that it took over.
        self.state(dead.slot).load(Ordering::Acquire) == dead.seen
    }

    /// Takes a slot over from a dead holder, to recover what it left; whether
    /// nobody else did.
    ///
    /// The caller now holds the slot and must [`release`](Self::release) it.
    pub fn take_over(&self, dead: &DeadHolder, me: Owner) -> bool {
        self.start(dead.slot).store(0, Ordering::Relaxed);
        self.take(dead.slot, dead.seen, RECOVERING, me)
    }

    fn take(&self, slot: usize, seen: usize, state: usize, owner: Owner) -> bool {
        let generation = (seen >> GENERATION_SHIFT).wrapping_add(1);
        let held = generation << GENERATION_SHIFT | (owner.pid as usize & PID) << PID_SHIFT | state;
        // Acquire: pairs with the Release in `release`, so that the slot's
        // contents are seen as its last holder left them. A dead holder's
        // stores were all made visible before it was seen dead.
        // Release: pairs with the Acquire in `state_with_start`.
        let taken =
            self.state(slot).compare_exchange(seen, held, Ordering::AcqRel, Ordering::Relaxed);
        if taken.is_ok() {
            self.start(slot).store(owner.start as usize, Ordering::Relaxed);
        }
        taken.is_ok()
    }

    /// Gives a slot back that the caller holds.
    pub fn release(&self, slot: usize) {
        self.start(slot).store(0, Ordering::Relaxed);
        let held = self.state(slot).load(Ordering::Relaxed);
        let idle = held >> GENERATION_SHIFT << GENERATION_SHIFT | IDLE;
        // Release: pairs with the Acquire in `take`; publishes the contents.
        self.state(slot).store(idle, Ordering::Release);
    }

    /// Names `owner` as the holder of a slot that the caller holds.
    ///
    /// In a forked child, whose memory is a copy that nobody else has.
    pub fn inherit(&self, slot: usize, owner: Owner) {
        let held = self.state(slot).load(Ordering::Relaxed);
        let pid = (owner.pid as usize & PID) << PID_SHIFT;
        self.state(slot).store(held & !(PID << PID_SHIFT) | pid, Ordering::Relaxed);
        self.start(slot).store(owner.start as usize, Ordering::Relaxed);
    }

    /// The slots that somebody held once, by their numbers.
    ///
    /// Slots are claimed in their order, so there is none behind the first that
    /// nobody ever held.
    pub fn used(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.slots).take_while(|&slot| self.was_used(slot))
    }

    /// The slots that somebody holds, by their numbers.
    pub fn held(&self) -> impl Iterator<Item = usize> + '_ {
        self.used().filter(|&slot| !self.is_idle(slot))
    }

    /// Whether anybody ever held `slot`: whether there is anything in it.
    pub fn was_used(&self, slot: usize) -> bool {
        slot < self.slots && self.state(slot).load(Ordering::Relaxed) != 0
    }

    /// Who holds `slot`, if anybody does.
    pub fn holder(&self, slot: usize) -> Option<Owner> {
        self.holder_of(slot, self.state_with_start(slot))
    }

    /// The state, for a caller that goes on to read the start time.
    fn state_with_start(&self, slot: usize) -> usize {
        // Acquire: pairs with the Release in `take`. The start times of holders
        // before the one that is seen here were cleared before it came; without
        // this the old one could be read together with the new process id, and
        // a living holder be taken for dead.
        self.state(slot).load(Ordering::Acquire)
    }

    fn holder_of(&self, slot: usize, seen: usize) -> Option<Owner> {
        if slot >= self.slots || !matches!(seen & STATE, HELD | RECOVERING) {
            return None;
        }
        let start = self.start(slot).load(Ordering::Relaxed) as u64;
        Some(Owner { pid: (seen >> PID_SHIFT & PID) as u32, start })
    }
}
