//! What a buffer lends.

use core::fmt;
use core::ops::{Deref, DerefMut};

use crate::memory::HostAddressable;
use crate::region::{Anchor, Region};

/// Elements of a buffer, as one of its regions lends them: `A` is its
/// [`Reading`](super::Accessible::Reading) or [`Writing`](super::Accessible::Writing).
pub struct Accessor<'b, A, R: Region, H: HostAddressable> {
    elements: A,
    /// Dropped after the elements: their pages are not freed meanwhile.
    _anchor: Anchor<&'b R, H>,
}

impl<'b, A, R: Region, H: HostAddressable> Accessor<'b, A, R, H> {
    pub(super) const fn new(elements: A, anchor: Anchor<&'b R, H>) -> Self {
        Self { elements, _anchor: anchor }
    }
}

impl<A, R: Region, H: HostAddressable> Deref for Accessor<'_, A, R, H> {
    type Target = A;

    #[inline]
    fn deref(&self) -> &A {
        &self.elements
    }
}

impl<A, R: Region, H: HostAddressable> DerefMut for Accessor<'_, A, R, H> {
    #[inline]
    fn deref_mut(&mut self) -> &mut A {
        &mut self.elements
    }
}

impl<A: fmt::Debug, R: Region, H: HostAddressable> fmt::Debug for Accessor<'_, A, R, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Accessor").field(&self.elements).finish()
    }
}
