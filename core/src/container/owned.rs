//! What a pointer owns, and that there may be none of it.

use core::num::NonZeroUsize;
use core::ptr::NonNull;

use super::heap::in_order;
use super::{Trace, TraceError, Tracer};
use crate::offset::Offset;
use crate::sync::atomic::AtomicUsize;

/// The place of the block that a pointer owns: never 0 in one that anybody may use,
/// so that `None` is.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Owned(NonZeroUsize);

impl Owned {
    /// The block at `at`, which is not null.
    pub(super) fn new(at: Offset) -> Option<Self> {
        NonZeroUsize::new(at.get()).map(Self)
    }

    /// Where it is; null if the pointer was just dropped.
    pub(super) fn offset(&self) -> Offset {
        // SAFETY: the pointer's own word. It is read as what it is, for 0 is not one
        // of the field's values.
        Offset::new(unsafe { (&raw const self.0).cast::<usize>().read() })
    }

    /// Names another block, or none where nobody takes the pointer for one any more.
    pub(super) fn set(&mut self, at: Offset) {
        // SAFETY: the pointer's own word.
        unsafe { (&raw mut self.0).cast::<usize>().write(at.get()) };
        in_order();
    }

    /// Names a place where nothing is, if this is 0 by damage: that would be taken for
    /// another variant of whatever enum the pointer is put into.
    pub(super) fn mark_damaged(&mut self) {
        if self.offset().is_null() {
            self.set(Offset::new(1));
        }
    }

    /// The word, for an exchange that puts another block in the place of this one.
    pub(super) fn link(&mut self) -> NonNull<AtomicUsize> {
        NonNull::from(&mut self.0).cast()
    }
}

macro_rules! optional {
    ($($pointer:ident),+) => {$(
        impl<T: $crate::container::ShmSafe> Trace for Option<super::$pointer<T>> {
            fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
                self.as_ref().map_or(Ok(()), |owned| owned.trace(tracer))
            }

            fn settle(&mut self, levels: u32) {
                if let Some(owned) = self {
                    owned.settle(levels);
                }
            }
        }
    )+};
}

optional!(ShmBox, ShmArc);
