//! A few KiB of the processor's memory, on the stack.

use core::mem::MaybeUninit;

/// Bytes of the temporary by which elements are changed and by which two memories without
/// a direct way exchange bytes; it is on the stack.
pub const TEMPORARY: usize = 4096;

const ALIGN: usize = 64;

/// The temporary.
#[repr(align(64))]
pub(super) struct Temporary(MaybeUninit<[u8; TEMPORARY]>);

impl Temporary {
    pub(super) const fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }

    /// Room for as many elements as fit, or for one in `own` if it does not fit.
    pub(super) fn elements<'a, T: Copy>(
        &'a mut self,
        own: &'a mut MaybeUninit<T>,
    ) -> &'a mut [MaybeUninit<T>] {
        match TEMPORARY.checked_div(size_of::<T>()) {
            Some(count) if count > 0 && align_of::<T>() <= ALIGN => {
                // SAFETY: so many fit, and are aligned.
                unsafe { core::slice::from_raw_parts_mut(self.as_mut_ptr().cast(), count) }
            }
            _ => core::slice::from_mut(own),
        }
    }
}
