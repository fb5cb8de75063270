//! Heaps without names, which are handed over as file descriptors; and permission bits.

use std::os::fd::{BorrowedFd, OwnedFd};

use super::{HeapOptions, SharedHeap, table};
use crate::backend::MemfdBackend;
use crate::error::HeapError;
use crate::size::IntoSize;

impl SharedHeap {
    /// Opens a heap that another process made without a name, and handed over.
    ///
    /// # Errors
    ///
    /// As [`MemfdBackend::attach`](crate::backend::MemfdBackend::attach) and
    /// [`open`](Self::open).
    pub fn attach(fd: OwnedFd) -> Result<Self, HeapError> {
        HeapOptions::new().attach(fd)
    }

    /// The file, to hand to another process.
    #[must_use]
    pub fn file(&self) -> BorrowedFd<'_> {
        self.allocator().backend().file()
    }
}

impl HeapOptions {
    /// As [`ShmOptions::mode`](crate::backend::ShmOptions::mode).
    #[must_use]
    pub fn mode(mut self, bits: u32) -> Self {
        self.place = self.place.mode(bits);
        self
    }

    /// As [`ShmOptions::trust_other_owners`](crate::backend::ShmOptions::trust_other_owners).
    #[must_use]
    pub fn trust_other_owners(mut self, trust: bool) -> Self {
        self.place = self.place.trust_other_owners(trust);
        self
    }

    /// Creates a heap without a name, in a memory file that nobody can shrink.
    ///
    /// Another process gets it by its [file](SharedHeap::file): inherited, sent
    /// over a socket, or opened as `/proc/PID/fd/N`. `label` is for people.
    ///
    /// # Errors
    ///
    /// As [`SharedHeap::create`].
    pub fn create_memfd(&self, label: &str, size: impl IntoSize) -> Result<SharedHeap, HeapError> {
        let (span, label) = MemfdBackend::create(label, size)?.into_parts();
        table::create(span, label, None, &self.config())
    }

    /// As [`SharedHeap::attach`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn attach(&self, fd: OwnedFd) -> Result<SharedHeap, HeapError> {
        let (span, label) = MemfdBackend::attach(fd)?.into_parts();
        table::attach(span, label, None, self.recover)
    }

    /// Opens a heap of a memory file without the right to write.
    ///
    /// # Errors
    ///
    /// As [`SharedHeap::attach`].
    pub fn attach_read_only(&self, fd: OwnedFd) -> Result<SharedHeap, HeapError> {
        let (span, label) = MemfdBackend::attach_read_only(fd)?.into_parts();
        table::attach(span, label, None, self.recover)
    }
}
