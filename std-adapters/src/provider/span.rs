//! A run of bytes in some memory.

use core::ptr::NonNull;

/// `len` bytes from `start` on, of whatever memory the provider has: only where it is
/// [touchable](super::Provider::touchable) may the CPU follow the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub start: NonNull<u8>,
    /// How many bytes there are.
    pub len: usize,
}

// SAFETY: a span is two numbers; using what they name is up to whoever does it.
unsafe impl Send for Span {}
// SAFETY: as for `Send`.
unsafe impl Sync for Span {}

impl Span {
    /// The `len` bytes from `start` on.
    #[must_use]
    pub const fn new(start: NonNull<u8>, len: usize) -> Self {
        Self { start, len }
    }

    /// The address of the first byte.
    #[must_use]
    pub fn addr(self) -> usize {
        self.start.addr().get()
    }

    /// The address behind the last byte.
    #[must_use]
    pub fn end(self) -> usize {
        self.addr().wrapping_add(self.len)
    }

    /// Whether the address is that of one of the bytes.
    #[must_use]
    pub fn contains(self, at: NonNull<u8>) -> bool {
        at.addr().get().wrapping_sub(self.addr()) < self.len
    }

    /// The bytes before and from `at` on; `None` where that is not inside.
    #[must_use]
    pub fn cut(self, at: usize) -> Option<(Self, Self)> {
        if at == 0 || at >= self.len {
            return None;
        }
        let addr = self.start.addr().checked_add(at)?;
        let high = Self::new(self.start.with_addr(addr), self.len - at);
        Some((Self::new(self.start, at), high))
    }
}
