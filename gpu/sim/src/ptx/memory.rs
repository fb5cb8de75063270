//! What threads of a device do to memory.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::Reason;
use super::code::{Change, Size};
use crate::Access;

/// Where so many bytes are that a device has at an address; `None` if it has none there, or may
/// not do that there.
pub type Resolver<'m> = dyn Fn(u64, usize, Access) -> Option<NonNull<u8>> + Sync + 'm;

/// A word of the memory, of either size.
pub(super) enum Word<'m> {
    Half(&'m AtomicU32),
    Word(&'m AtomicU64),
}

impl<'m> Word<'m> {
    /// The word at an address of the device.
    ///
    /// # Safety
    ///
    /// What the resolver gives is valid for loads and stores for as long as `'m`, and used
    /// with atomics only meanwhile.
    pub(super) unsafe fn at(
        memory: &Resolver<'m>,
        address: u64,
        size: Size,
        access: Access,
    ) -> Result<Self, Reason> {
        let bytes = size.bytes();
        let wrong = Reason::Address { address, bytes };
        if !address.is_multiple_of(bytes as u64) {
            return Err(Reason::Misaligned { address, bytes });
        }
        let found = memory(address, bytes, access).filter(|found| found.addr().get() % bytes == 0);
        let found = found.ok_or(wrong)?.as_ptr();
        match size {
            // SAFETY: valid and aligned, as was just seen.
            Size::Half => Ok(Self::Half(unsafe { AtomicU32::from_ptr(found.cast()) })),
            // SAFETY: as above.
            Size::Word => Ok(Self::Word(unsafe { AtomicU64::from_ptr(found.cast()) })),
            Size::Predicate => Err(wrong),
        }
    }

    pub(super) fn load(&self, order: Ordering) -> u64 {
        match self {
            Self::Half(word) => word.load(order).into(),
            Self::Word(word) => word.load(order),
        }
    }

    pub(super) fn store(&self, value: u64, order: Ordering) {
        match self {
            Self::Half(word) => word.store(value as u32, order),
            Self::Word(word) => word.store(value, order),
        }
    }

    /// Changes the word; what was there.
    pub(super) fn change(&self, by: Change, [first, second]: [u64; 2], order: Ordering) -> u64 {
        match by {
            Change::Exchange => self.exchange(first, order),
            Change::CompareExchange => self.compare_exchange(first, second, order),
            Change::By(compute) => loop {
                let before = self.load(Ordering::Relaxed);
                let after = compute.of(self.size(), [before, first]);
                if self.compare_exchange(before, after, order) == before {
                    return before;
                }
            },
        }
    }

    fn size(&self) -> Size {
        match self {
            Self::Half(_) => Size::Half,
            Self::Word(_) => Size::Word,
        }
    }

    fn exchange(&self, value: u64, order: Ordering) -> u64 {
        match self {
            Self::Half(word) => word.swap(value as u32, order).into(),
            Self::Word(word) => word.swap(value, order),
        }
    }

    fn compare_exchange(&self, expected: u64, value: u64, order: Ordering) -> u64 {
        let failed = match order {
            Ordering::Acquire | Ordering::AcqRel => Ordering::Acquire,
            _ => Ordering::Relaxed,
        };
        match self {
            Self::Half(word) => word
                .compare_exchange(expected as u32, value as u32, order, failed)
                .unwrap_or_else(|found| found)
                .into(),
            Self::Word(word) => {
                word.compare_exchange(expected, value, order, failed).unwrap_or_else(|found| found)
            }
        }
    }
}
