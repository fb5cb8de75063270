//! Where something is in a memory.

use core::fmt::{self, Debug};
use core::marker::PhantomData;

/// A place in one memory, in bytes.
///
/// Each memory has a type of its own, so that addresses of two memories do not mix.
#[doc(alias = "Address_Type")]
pub trait Address: Copy + Eq + Debug + Send + Sync + 'static {
    /// No place at all.
    #[doc(alias = "Null_Address")]
    const NULL: Self;

    /// The address `bytes` further on, which is within the same block or one past its end.
    #[must_use]
    fn byte_add(self, bytes: usize) -> Self;

    /// The same, without its memory's type; adding bytes to the one is adding them to the
    /// other.
    fn to_raw(self) -> RawAddress;

    /// The address that [`to_raw`](Self::to_raw) was called on; `None` if it is not of this
    /// kind.
    fn from_raw(raw: RawAddress) -> Option<Self>;
}

/// An address of some memory, as [`AnyMemory`](super::AnyMemory) passes it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawAddress {
    /// The processor can use it.
    Host(HostAddress),
    /// A number that means something to its memory alone, but for this: `n` bytes further
    /// on in the same block, it is larger by `n`.
    Foreign(u64),
}

impl RawAddress {
    /// The address `bytes` further on, which is within the same block or one past its end.
    #[must_use]
    #[inline]
    pub fn byte_add(self, bytes: usize) -> Self {
        match self {
            Self::Host(address) => Self::Host(address.byte_add(bytes)),
            Self::Foreign(number) => Self::Foreign(number.wrapping_add(bytes as u64)),
        }
    }

    /// Whether `len` bytes from the one on and from the other on, of one memory, have bytes
    /// in common.
    #[must_use]
    pub fn overlaps(self, other: Self, len: usize) -> bool {
        let apart = match (self, other) {
            (Self::Host(a), Self::Host(b)) => a.as_ptr().addr().abs_diff(b.as_ptr().addr()) as u64,
            (Self::Foreign(a), Self::Foreign(b)) => a.abs_diff(b),
            _ => return false,
        };
        apart < len as u64
    }
}

/// An address that the processor can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostAddress(*mut u8);

// SAFETY: it is a number with provenance; whoever uses it promises what `Memory` asks for.
unsafe impl Send for HostAddress {}
// SAFETY: as for `Send`.
unsafe impl Sync for HostAddress {}

impl HostAddress {
    /// The address of `pointer`.
    #[must_use]
    #[inline]
    pub const fn new(pointer: *mut u8) -> Self {
        Self(pointer)
    }

    /// The pointer.
    #[must_use]
    #[inline]
    pub const fn as_ptr(self) -> *mut u8 {
        self.0
    }
}

impl Address for HostAddress {
    const NULL: Self = Self(core::ptr::null_mut());

    #[inline]
    fn byte_add(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    #[inline]
    fn to_raw(self) -> RawAddress {
        RawAddress::Host(self)
    }

    #[inline]
    fn from_raw(raw: RawAddress) -> Option<Self> {
        match raw {
            RawAddress::Host(address) => Some(address),
            RawAddress::Foreign(_) => None,
        }
    }
}

/// An address that the processor can use, in a memory of the type `M` and no other.
///
/// `M` is but a name here: a memory with a lifetime or with parameters may take any of its
/// types for it.
pub struct HostAddressOf<M: ?Sized> {
    address: HostAddress,
    _memory: PhantomData<fn(&M)>,
}

impl<M: ?Sized> HostAddressOf<M> {
    /// The address of `pointer`.
    #[must_use]
    #[inline]
    pub const fn new(pointer: *mut u8) -> Self {
        Self { address: HostAddress::new(pointer), _memory: PhantomData }
    }

    /// The pointer.
    #[must_use]
    #[inline]
    pub const fn as_ptr(self) -> *mut u8 {
        self.address.as_ptr()
    }
}

impl<M: ?Sized> Clone for HostAddressOf<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: ?Sized> Copy for HostAddressOf<M> {}

impl<M: ?Sized> PartialEq for HostAddressOf<M> {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
    }
}

impl<M: ?Sized> Eq for HostAddressOf<M> {}

impl<M: ?Sized> Debug for HostAddressOf<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

impl<M: ?Sized + 'static> Address for HostAddressOf<M> {
    const NULL: Self = Self::new(core::ptr::null_mut());

    #[inline]
    fn byte_add(self, bytes: usize) -> Self {
        Self { address: self.address.byte_add(bytes), ..self }
    }

    #[inline]
    fn to_raw(self) -> RawAddress {
        self.address.to_raw()
    }

    #[inline]
    fn from_raw(raw: RawAddress) -> Option<Self> {
        Some(Self { address: HostAddress::from_raw(raw)?, _memory: PhantomData })
    }
}
