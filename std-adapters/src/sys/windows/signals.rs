//! There are no signals here: nothing to hold up.

use core::marker::PhantomData;

/// What holds the calling thread's signals up elsewhere.
pub(crate) struct Held {
    _thread: PhantomData<*const ()>,
}

/// Holds nothing up.
pub(crate) const fn hold() -> Held {
    Held { _thread: PhantomData }
}
