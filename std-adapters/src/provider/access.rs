//! What the CPU may do with memory.

/// What the CPU may do with a provider's memory.
///
/// ```
/// use anymem::provider::Access;
/// assert_eq!(Access::NONE.and_read().and_write(), Access::READ_WRITE);
/// assert!(!Access::READ.can_write());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Access {
    read: bool,
    write: bool,
    execute: bool,
}

impl Access {
    /// Nothing: who touches it ends by a signal.
    pub const NONE: Self = Self { read: false, write: false, execute: false };

    /// Reading.
    pub const READ: Self = Self { read: true, ..Self::NONE };

    /// Reading and writing.
    pub const READ_WRITE: Self = Self { write: true, ..Self::READ };

    /// Reading as well.
    #[must_use]
    pub const fn and_read(self) -> Self {
        Self { read: true, ..self }
    }

    /// Writing as well. Most CPUs can then read too.
    #[must_use]
    pub const fn and_write(self) -> Self {
        Self { write: true, ..self }
    }

    /// Executing as well.
    #[must_use]
    pub const fn and_execute(self) -> Self {
        Self { execute: true, ..self }
    }

    /// Whether it may be read.
    #[must_use]
    pub const fn can_read(self) -> bool {
        self.read
    }

    /// Whether it may be written.
    #[must_use]
    pub const fn can_write(self) -> bool {
        self.write
    }

    /// Whether it may be executed.
    #[must_use]
    pub const fn can_execute(self) -> bool {
        self.execute
    }

    /// As `mmap` takes it.
    pub(super) const fn bits(self) -> i32 {
        (if self.read { libc::PROT_READ } else { 0 })
            | (if self.write { libc::PROT_WRITE } else { 0 })
            | (if self.execute { libc::PROT_EXEC } else { 0 })
    }
}

impl Default for Access {
    fn default() -> Self {
        Self::READ_WRITE
    }
}
