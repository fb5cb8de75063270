//! The memory of one device: one file, and the blocks that are cut from it.
//!
//! The file is mapped twice: at the addresses that are handed out, where the processor may not
//! touch it, and where copies and kernels find the bytes. How much of it is in use is limited
//! by the device's [`Meter`]; the file itself has many times as many addresses, and no page
//! that nobody has.
//!
//! A GPU puts any of its pages behind any address, so memory that is free can always be had.
//! Blocks of the arena are the lowest place that is large enough, which never takes more than
//! `memory × log2(pages)` addresses (Robson, "Bounds for some functions concerning dynamic
//! storage allocation", 1974): with [`SPREAD`] times the memory, the meter alone decides.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;

use rustix::fs::FallocateFlags;

use crate::SimError;
use crate::mapping::{Mapping, Touch, memory_file, whole_pages};

/// Addresses for each byte: more than the logarithm of the pages that a device can have.
const SPREAD: usize = 32;

/// The memory of one device.
#[derive(Debug)]
pub(crate) struct Arena {
    file: OwnedFd,
    /// What is handed out.
    outside: Mapping,
    /// Where the bytes can be touched.
    inside: Mapping,
    /// Places that nobody has: where they start, and how many bytes they are.
    free: BTreeMap<usize, usize>,
}

impl Arena {
    pub(crate) fn new(memory: usize) -> Result<Self, SimError> {
        let bytes = whole_pages(memory)
            .and_then(|it| it.checked_mul(SPREAD))
            .filter(|&it| it > 0)
            .ok_or(SimError::Invalid { what: "size of memory" })?;
        let file = memory_file("anymem-gpu-sim device", bytes)?;
        let outside = Mapping::of_file(&file, 0, bytes, Touch::Faults)?;
        let inside = Mapping::of_file(&file, 0, bytes, Touch::Allowed)?;
        Ok(Self { file, outside, inside, free: BTreeMap::from([(0, bytes)]) })
    }

    /// A place of whole pages; where it starts.
    pub(crate) fn take(&mut self, bytes: usize) -> Option<usize> {
        let (&at, &room) = self.free.iter().find(|&(_, &room)| room >= bytes)?;
        self.free.remove(&at);
        if room > bytes {
            self.free.insert(at + bytes, room - bytes);
        }
        Some(at)
    }

    /// Gives a place back; what was there is zero from then on.
    pub(crate) fn give(&mut self, at: usize, bytes: usize) {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // Refused, it would be pages that stay until somebody else has them.
        let _ = rustix::fs::fallocate(&self.file, flags, at as u64, bytes as u64);
        let (mut at, mut bytes) = (at, bytes);
        if let Some((&before, &room)) = self.free.range(..at).next_back()
            && before + room == at
        {
            (at, bytes) = (before, bytes + room);
        }
        if let Some(room) = self.free.remove(&(at + bytes)) {
            bytes += room;
        }
        self.free.insert(at, bytes);
    }

    /// The address on the device of a place.
    pub(crate) fn address(&self, at: usize) -> u64 {
        self.outside.address() + at as u64
    }

    /// Where the bytes of a place can be touched.
    pub(crate) fn bytes(&self, at: usize) -> NonNull<u8> {
        // SAFETY: places are within the file, all of which is mapped there.
        unsafe { self.inside.start().add(at) }
    }

    /// What other processes map.
    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_becomes_one_place_again() {
        let mut arena = Arena::new(1 << 16).expect("made");
        let all = arena.free.clone();
        let places: Vec<usize> = (0..4).map(|_| arena.take(4096).expect("room")).collect();
        assert_eq!(places, [0, 4096, 8192, 12288]);
        for at in [4096, 12288, 0, 8192] {
            arena.give(at, 4096);
        }
        assert_eq!(arena.free, all);
    }
}
