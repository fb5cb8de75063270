//! The last eight bytes of a block: how long it is for its user, and whether it
//! is live.
//!
//! | bytes | |
//! |---|---|
//! | 0–3 | length of the slack, masked |
//! | 4–7 | the seal: a digest of offset, slack, state and secret |
//!
//! Freeing is one compare-exchange of the seal from live to free: of several
//! threads that free a block one does, and the others are told.

use core::slice;

use crate::allocator::FreeError;
use crate::offset::Offset;
use crate::secure::{SEAL, Secret, State};
use crate::sync::Bytes;
use crate::sync::atomic::{AtomicU32, Ordering};

/// A block as its seal tells of it.
#[derive(Debug)]
pub(super) struct Sealed<'a> {
    bytes: Bytes<'a>,
    secret: Secret,
    at: Offset,
    /// Bytes for user and slack.
    room: usize,
}

impl<'a> Sealed<'a> {
    /// The block at `at` whose seal ends `end` bytes further on.
    pub(super) fn new(bytes: Bytes<'a>, secret: Secret, at: Offset, end: usize) -> Self {
        Self { bytes, secret, at, room: end.saturating_sub(SEAL) }
    }

    fn note(&self) -> &'a AtomicU32 {
        self.bytes.half(self.at.add(self.room))
    }

    fn seal(&self) -> &'a AtomicU32 {
        self.bytes.half(self.at.add(self.room + 4))
    }

    fn seal_of(&self, slack: u32, state: State) -> u32 {
        self.secret.seal(self.at.get(), slack, state)
    }

    /// Makes it a live block of `size` bytes; whether there are as many.
    pub(super) fn close(&self, size: usize) -> bool {
        let Some(slack) = self.room.checked_sub(size) else { return false };
        let Some(start) = self.bytes.slice(self.at.add(size), slack) else { return false };
        // SAFETY: the slack is inside the segment, just checked, and part of a
        // block that the caller is about to hand out, or to resize for its user.
        unsafe { start.write_bytes(self.secret.pattern(), slack) };
        let slack = slack as u32;
        self.note().store(slack ^ self.secret.mask(self.at.get()), Ordering::Relaxed);
        // Release: who frees the block sees its slack.
        self.seal().store(self.seal_of(slack, State::Live), Ordering::Release);
        true
    }

    /// Bytes that its user has, if nothing is wrong with it.
    pub(super) fn size(&self) -> Result<usize, FreeError> {
        // Acquire: pairs with the Release in `close`.
        let seal = self.seal().load(Ordering::Acquire);
        let slack = self.slack();
        match self.room.checked_sub(slack as usize) {
            Some(size) if seal == self.seal_of(slack, State::Live) => {
                if self.is_slack(size) {
                    Ok(size)
                } else {
                    Err(FreeError::Overflow { size })
                }
            }
            _ if seal == self.seal_of(slack, State::Free) => Err(FreeError::DoubleFree),
            _ => Err(FreeError::Overflow { size: self.room }),
        }
    }

    /// Makes it a free block, if nothing is wrong with it.
    pub(super) fn open(&self) -> Result<(), FreeError> {
        let slack = (self.room - self.size()?) as u32;
        let [live, free] = [State::Live, State::Free].map(|state| self.seal_of(slack, state));
        // AcqRel: what its user wrote comes before, what the next one writes
        // after.
        let opened = self.seal().compare_exchange(live, free, Ordering::AcqRel, Ordering::Relaxed);
        // Somebody else was quicker.
        opened.map(|_| ()).map_err(|_| FreeError::DoubleFree)
    }

    fn slack(&self) -> u32 {
        self.note().load(Ordering::Relaxed) ^ self.secret.mask(self.at.get())
    }

    /// Whether nobody wrote behind the first `size` bytes.
    fn is_slack(&self, size: usize) -> bool {
        let slack = self.room - size;
        let Some(start) = self.bytes.slice(self.at.add(size), slack) else { return false };
        // SAFETY: the bytes are inside the segment, just checked, and nobody's:
        // whoever writes there meanwhile is who is looked for.
        let bytes = unsafe { slice::from_raw_parts(start.as_ptr(), slack) };
        // Without an early end, which would have it look at single bytes.
        bytes.iter().fold(0, |other, byte| other | (byte ^ self.secret.pattern())) == 0
    }
}
