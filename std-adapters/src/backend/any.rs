//! A backend of any kind behind one type, for registries of them.

use core::fmt;
use core::ptr::NonNull;
use std::sync::Arc;

use anymem_core::backend::{Backend, CommitError};
use anymem_core::offset::Offset;
use anymem_core::thread::Owner;

use crate::Size;
use crate::error::HeapError;
use crate::sys;

/// A backend that can be made from a size and a place, given as text.
pub trait BackendKind: Backend + fmt::Debug + Sized + 'static {
    /// Makes a span of `size` bytes at `url`: a name for shared kinds, ignored
    /// by private ones.
    ///
    /// # Errors
    ///
    /// What the backend's own constructor says.
    fn create(size: Size, url: &str) -> Result<Self, HeapError>;

    /// Opens the span at `url` that another process made.
    ///
    /// # Errors
    ///
    /// [`HeapError::NotShareable`] for private kinds; else what the backend's
    /// own constructor says.
    fn attach(url: &str) -> Result<Self, HeapError> {
        Err(HeapError::NotShareable { name: url.into() })
    }

    /// Lets other processes find the span, now that it is formatted.
    ///
    /// # Errors
    ///
    /// [`HeapError::Exists`] if another got the name in the meantime.
    fn publish(&self) -> Result<(), HeapError> {
        Ok(())
    }

    /// Takes the span's name away, if it has one that is still its own.
    ///
    /// # Errors
    ///
    /// What the system refuses.
    fn unlink(&self) -> Result<(), HeapError> {
        Ok(())
    }
}

/// A backend whose kind is forgotten.
///
/// Clones are handles of the same span; it goes with the last of them.
#[derive(Clone)]
pub struct AnyBackend {
    base: NonNull<u8>,
    len: usize,
    backend: Arc<dyn Erased>,
}

// SAFETY: `base` is the address of the backend's span, which any thread may
// know; the backend itself is `Send` and `Sync`.
unsafe impl Send for AnyBackend {}
// SAFETY: as for `Send`.
unsafe impl Sync for AnyBackend {}

impl AnyBackend {
    /// Forgets the kind of `backend`.
    #[must_use]
    pub fn new<B: BackendKind>(backend: B) -> Self {
        const { assert!(B::ALIGN >= sys::ALIGN, "the base must be aligned to 64 KiB") }
        let backend = Arc::new(backend);
        Self { base: backend.base(), len: backend.len(), backend }
    }

    /// As [`BackendKind::publish`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn publish(&self) -> Result<(), HeapError> {
        self.backend.publish()
    }

    /// As [`BackendKind::unlink`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn unlink(&self) -> Result<(), HeapError> {
        self.backend.unlink()
    }

    /// How many handles of the span there are.
    pub(crate) fn handles(&self) -> usize {
        Arc::strong_count(&self.backend)
    }
}

impl fmt::Debug for AnyBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.backend.fmt(f)
    }
}

/// What is left of a backend when its kind is forgotten.
trait Erased: fmt::Debug + Send + Sync {
    fn zeroed(&self) -> bool;
    fn read_only(&self) -> bool;
    fn shared(&self) -> bool;
    fn resident(&self) -> bool;
    fn expect(&self, at: Offset, len: usize);
    fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError>;
    fn decommit(&self, at: Offset, len: usize) -> bool;
    fn relocate(&self, from: Offset, to: Offset, len: usize) -> bool;
    fn guard_size(&self) -> usize;
    fn guard(&self, at: Offset, len: usize) -> bool;
    fn unguard(&self, at: Offset, len: usize) -> bool;
    fn is_held_by(&self, owner: Owner) -> bool;
    fn publish(&self) -> Result<(), HeapError>;
    fn unlink(&self) -> Result<(), HeapError>;
}

impl<B: BackendKind> Erased for B {
    fn zeroed(&self) -> bool {
        Backend::zeroed(self)
    }

    fn read_only(&self) -> bool {
        Backend::read_only(self)
    }

    fn shared(&self) -> bool {
        Backend::shared(self)
    }

    fn resident(&self) -> bool {
        Backend::resident(self)
    }

    fn expect(&self, at: Offset, len: usize) {
        Backend::expect(self, at, len);
    }

    fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError> {
        Backend::commit(self, at, len)
    }

    fn decommit(&self, at: Offset, len: usize) -> bool {
        Backend::decommit(self, at, len)
    }

    fn relocate(&self, from: Offset, to: Offset, len: usize) -> bool {
        Backend::relocate(self, from, to, len)
    }

    fn guard_size(&self) -> usize {
        Backend::guard_size(self)
    }

    fn guard(&self, at: Offset, len: usize) -> bool {
        Backend::guard(self, at, len)
    }

    fn unguard(&self, at: Offset, len: usize) -> bool {
        Backend::unguard(self, at, len)
    }

    fn is_held_by(&self, owner: Owner) -> bool {
        Backend::is_held_by(self, owner)
    }

    fn publish(&self) -> Result<(), HeapError> {
        BackendKind::publish(self)
    }

    fn unlink(&self) -> Result<(), HeapError> {
        BackendKind::unlink(self)
    }
}

// SAFETY: the span is that of the backend inside, which keeps the contract and
// lives as long as this handle; its base is aligned as `new` demands.
unsafe impl Backend for AnyBackend {
    const ALIGN: usize = sys::ALIGN;

    #[inline]
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    fn zeroed(&self) -> bool {
        self.backend.zeroed()
    }

    fn read_only(&self) -> bool {
        self.backend.read_only()
    }

    fn shared(&self) -> bool {
        self.backend.shared()
    }

    fn resident(&self) -> bool {
        self.backend.resident()
    }

    fn expect(&self, at: Offset, len: usize) {
        self.backend.expect(at, len);
    }

    fn commit(&self, at: Offset, len: usize) -> Result<(), CommitError> {
        self.backend.commit(at, len)
    }

    fn decommit(&self, at: Offset, len: usize) -> bool {
        self.backend.decommit(at, len)
    }

    fn relocate(&self, from: Offset, to: Offset, len: usize) -> bool {
        self.backend.relocate(from, to, len)
    }

    fn guard_size(&self) -> usize {
        self.backend.guard_size()
    }

    fn guard(&self, at: Offset, len: usize) -> bool {
        self.backend.guard(at, len)
    }

    fn unguard(&self, at: Offset, len: usize) -> bool {
        self.backend.unguard(at, len)
    }

    fn is_held_by(&self, owner: Owner) -> bool {
        self.backend.is_held_by(owner)
    }
}
