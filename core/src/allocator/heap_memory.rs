//! A heap as a memory, whose objects other processes find by their offsets.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use super::{AllocError, Allocator};
use crate::memory::{Address, HostAddressable, Memory, MemoryError, MemoryId, RawAddress};
use crate::offset::Offset;
use crate::thread::Context;

/// Where something is in a heap: the same number in every process that has attached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeapAddress(Offset);

impl HeapAddress {
    /// The address of what is at `at`.
    #[must_use]
    pub const fn new(at: Offset) -> Self {
        Self(at)
    }

    /// Its offset.
    #[must_use]
    pub const fn offset(self) -> Offset {
        self.0
    }
}

impl Address for HeapAddress {
    const NULL: Self = Self(Offset::NULL);

    #[inline]
    fn byte_add(self, bytes: usize) -> Self {
        Self(Offset::new(self.0.get().wrapping_add(bytes)))
    }

    #[inline]
    fn to_raw(self) -> RawAddress {
        RawAddress::Foreign(self.0.get() as u64)
    }

    #[inline]
    fn from_raw(raw: RawAddress) -> Option<Self> {
        match raw {
            RawAddress::Foreign(number) => Some(Self(Offset::new(usize::try_from(number).ok()?))),
            RawAddress::Host(_) => None,
        }
    }
}

/// The memory of a heap: in one process, or shared by several.
///
/// Its addresses are offsets. An object that is [taken apart](crate::memory::MemSlice::into_raw)
/// can be put together in another process that has the heap attached.
///
/// ```
/// use anymem_core::allocator::{HeapMemory, ScalablePageAllocator};
/// use anymem_core::backend::ArrayBackend;
/// use anymem_core::memory::{MemRead, MemSlice};
/// use anymem_core::offset::AllocatorId;
/// use anymem_core::segment::Config;
/// use anymem_core::thread::Bare;
///
/// let mut bytes = vec![0_u8; 4 << 20];
/// let backend = ArrayBackend::<65536>::new(&mut bytes);
/// let config = Config::new(AllocatorId::new(0, 4));
/// let heap: ScalablePageAllocator<_> = ScalablePageAllocator::create(backend, Bare, &config)?;
///
/// let memory = HeapMemory::from_ref(&heap);
/// let (_, at, len) = MemSlice::from_slice(&[1_u8, 2, 3], memory)?.into_raw();
/// // In another process, which was told the address and the length:
/// // SAFETY: it has just been taken apart, and nobody else puts it together.
/// let same = unsafe { MemSlice::<u8, _>::from_raw(memory, at, len) };
/// assert_eq!(same.as_slice(), [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(transparent)]
pub struct HeapMemory<A>(A);

impl<A: Allocator> HeapMemory<A> {
    /// The memory of `heap`.
    #[must_use]
    pub const fn new(heap: A) -> Self {
        Self(heap)
    }

    /// The memory of a heap that is lent.
    #[must_use]
    pub const fn from_ref(heap: &A) -> &Self {
        // SAFETY: it is a transparent wrapper.
        unsafe { &*core::ptr::from_ref(heap).cast() }
    }

    /// The heap.
    pub const fn heap(&self) -> &A {
        &self.0
    }
}

// SAFETY: the heap hands out disjoint blocks, which are its own until they are freed; the
// copies are those that go by `host`.
unsafe impl<A: Allocator> Memory for HeapMemory<A> {
    type Address = HeapAddress;

    fn id(&self) -> MemoryId {
        MemoryId { kind: "heap", instance: self.0.id().to_u64() }
    }

    #[inline]
    fn allocate(&self, layout: Layout) -> Result<HeapAddress, MemoryError> {
        let block = self.0.allocate(Context::DEFAULT, layout);
        block.map(HeapAddress).map_err(|error| said(error, layout.size()))
    }

    fn allocate_zeroed(&self, layout: Layout) -> Result<HeapAddress, MemoryError> {
        let block = self.0.allocate_zeroed(Context::DEFAULT, layout);
        block.map(HeapAddress).map_err(|error| said(error, layout.size()))
    }

    #[inline]
    unsafe fn free(&self, address: HeapAddress, layout: Layout) {
        // SAFETY: passed on from the caller, who has promised what there could be errors for.
        let _ = unsafe { self.0.free(Context::DEFAULT, address.0, layout) };
    }

    #[inline]
    fn host(&self, address: HeapAddress) -> Option<NonNull<u8>> {
        self.0.resolve(address.0, 0)
    }

    /// Counts it by walking the heap; blocks cannot be as large as that.
    fn available(&self) -> Option<usize> {
        let stats = self.0.stats();
        Some(stats.capacity.saturating_sub(stats.live))
    }
}

// SAFETY: a heap resolves each offset in its span to where it is mapped, which is where its
// blocks are valid and aligned.
unsafe impl<A: Allocator> HostAddressable for HeapMemory<A> {}

impl<A: Allocator> fmt::Debug for HeapMemory<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeapMemory({})", self.0.id())
    }
}

/// What a heap says that has been damaged or detached.
const UNUSABLE: i32 = -1;

fn said(error: AllocError, requested: usize) -> MemoryError {
    match error {
        AllocError::Full { .. } | AllocError::TooLarge { .. } | AllocError::NoSpace(_) => {
            MemoryError::OutOfMemory { requested }
        }
        AllocError::ReadOnly => MemoryError::Unsupported,
        _ => MemoryError::Backend { code: UNUSABLE },
    }
}
