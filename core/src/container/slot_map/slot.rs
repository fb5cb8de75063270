//! A place for a value, which tells how often it was used.

use core::mem::MaybeUninit;

use super::super::{Fingerprint, ShmSafe, Trace, TraceError, Tracer};

/// A place for a value.
///
/// `version` goes up whenever a value comes or goes, so it is odd while one is
/// there. A place whose version is back at 0 is not used again: its keys would be
/// those of values that are long gone.
#[repr(C)]
pub(super) struct Slot<T> {
    version: u32,
    /// The next vacant place, if this one is vacant.
    pub(super) next: u32,
    value: MaybeUninit<T>,
}

impl<T> Slot<T> {
    /// A place that is used for the first time.
    pub(super) const fn new(value: T) -> Self {
        Self { version: 1, next: 0, value: MaybeUninit::new(value) }
    }

    /// A place of that version, if it is one of a place with such a value, or without.
    #[cfg(feature = "serde")]
    pub(super) fn with(version: u32, value: Option<T>) -> Option<Self> {
        let matches = value.is_some() != version.is_multiple_of(2);
        matches.then(|| {
            let value = value.map_or_else(MaybeUninit::uninit, MaybeUninit::new);
            Self { version, next: 0, value }
        })
    }

    /// The version.
    pub(super) fn version(&self) -> u32 {
        self.version
    }

    /// Whether a value may be put here.
    pub(super) fn is_vacant(&self) -> bool {
        self.version.is_multiple_of(2) && self.version != 0
    }

    /// The value, if there is one.
    pub(super) fn value(&self) -> Option<&T> {
        // SAFETY: an odd version says that a value was written.
        (!self.version.is_multiple_of(2)).then(|| unsafe { self.value.assume_init_ref() })
    }

    /// The value, if there is one, to be changed.
    pub(super) fn value_mut(&mut self) -> Option<&mut T> {
        // SAFETY: as in `value`.
        (!self.version.is_multiple_of(2)).then(|| unsafe { self.value.assume_init_mut() })
    }

    /// Writes a value to a vacant place, which [`turn`](Self::turn) makes its own.
    pub(super) fn write(&mut self, value: T) {
        self.value.write(value);
    }

    /// Copies the value of a place, which [`turn`](Self::turn) takes from it.
    ///
    /// # Safety
    ///
    /// A value is there.
    pub(super) unsafe fn read(&self) -> T {
        // SAFETY: passed on from the caller.
        unsafe { self.value.assume_init_read() }
    }

    /// A value came or went.
    pub(super) fn turn(&mut self) {
        self.version = self.version.wrapping_add(1);
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if !self.version.is_multiple_of(2) {
            // SAFETY: as in `value`.
            unsafe { self.value.assume_init_drop() };
        }
    }
}

impl<T: ShmSafe> Trace for Slot<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        self.value().map_or(Ok(()), |value| value.trace(tracer))
    }

    fn settle(&mut self, levels: u32) {
        if let Some(value) = self.value_mut() {
            value.settle(levels);
        }
    }
}

// SAFETY: two numbers and a `T`, or none.
unsafe impl<T: ShmSafe> ShmSafe for Slot<T> {
    const FINGERPRINT: u64 = Fingerprint::new("Slot", size_of::<Self>(), align_of::<Self>())
        .number(T::FINGERPRINT)
        .finish();
}
