//! Why the driver refused, beside what a provider can say of it.

use core::cell::RefCell;

use crate::GpuError;

thread_local! {
    /// What a driver said last to the calling thread through a provider.
    static SAID: RefCell<Option<GpuError>> = const { RefCell::new(None) };
}

/// A driver refused something.
pub(super) fn note(error: GpuError) {
    // A thread that is just ending has no place to note it any more.
    let _ = SAID.try_with(|said| said.replace(Some(error)));
}

/// What it said since this was asked last.
pub(in crate::pool) fn take() -> Option<GpuError> {
    SAID.try_with(RefCell::take).ok().flatten()
}
