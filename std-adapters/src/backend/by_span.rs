//! Backends that are a mapped file, and no more than that to a heap.

/// Makes a type whose field `span` is a [`SharedSpan`] the backend that the span
/// is.
macro_rules! backend_by_span {
    ($backend:ty) => {
        // SAFETY: everything is the span's, which keeps the contract.
        unsafe impl Backend for $backend {
            const ALIGN: usize = SharedSpan::ALIGN;

            #[inline]
            fn base(&self) -> NonNull<u8> {
                self.span.base()
            }

            #[inline]
            fn len(&self) -> usize {
                self.span.len()
            }

            fn zeroed(&self) -> bool {
                self.span.zeroed()
            }

            fn read_only(&self) -> bool {
                self.span.read_only()
            }

            fn shared(&self) -> bool {
                self.span.shared()
            }

            fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError> {
                self.span.commit(at, len)
            }

            fn decommit(&self, at: Offset, len: usize) -> bool {
                self.span.decommit(at, len)
            }

            fn is_held_by(&self, owner: Owner) -> bool {
                self.span.is_held_by(owner)
            }
        }
    };
}

pub(super) use backend_by_span;
