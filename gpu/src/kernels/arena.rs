//! Room for nodes that threads of a device take.

use core::alloc::Layout;
use core::fmt;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use anymem_core::allocator::Allocator;
use anymem_core::container::{ContainerError, ShmSafe, ShmVec};
use anymem_core::offset::Offset;

/// A block of a heap out of which threads, of devices and of the processor, take small ones:
/// by adding to one word. They come back all at once.
///
/// ```
/// use anymem::{SharedHeap, Size};
/// use anymem_gpu::kernels::Arena;
///
/// # let name = format!("arena.{}", std::process::id());
/// let heap = SharedHeap::create(&name, Size::mib(4))?;
/// let mut arena = Arena::new_in(64, &heap)?;
/// let first = arena.take(16).expect("room");
/// let second = arena.take(40).expect("room");
/// assert_eq!(second.get() - first.get(), 16);
/// assert_eq!(arena.take(16), None);
/// arena.clear();
/// assert_eq!(arena.take(16), Some(first));
/// # SharedHeap::unlink(&name)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(ShmSafe)]
#[repr(C)]
pub struct Arena {
    room: ShmVec<AtomicU64>,
    /// Bytes that were asked for: more than there are, if somebody got none.
    used: AtomicUsize,
}

impl Arena {
    pub(super) const USED: usize = offset_of!(Self, used);

    /// Bytes that what is taken starts at multiples of.
    pub const ALIGN: usize = 8;

    /// An arena of `bytes` bytes of a heap.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn new_in(bytes: usize, heap: &(impl Allocator + ?Sized)) -> Result<Self, ContainerError> {
        let words = bytes.div_ceil(Self::ALIGN);
        let mut room = ShmVec::with_capacity_in(words, heap)?;
        room.extend((0..words).map(|_| AtomicU64::new(0)))?;
        Ok(Self { room, used: AtomicUsize::new(0) })
    }

    /// How many bytes it has.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.room.len().saturating_mul(Self::ALIGN)
    }

    /// How many bytes were taken.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed).min(self.capacity())
    }

    /// Takes `bytes` bytes, whatever was there before; `None` if so many are not left.
    ///
    /// Who does not get them keeps smaller ones from the others.
    #[must_use]
    pub fn take(&self, bytes: usize) -> Option<Offset> {
        let layout = Layout::from_size_align(bytes, Self::ALIGN).ok()?.pad_to_align();
        let used = self.used.fetch_add(layout.size(), Ordering::Relaxed);
        let end = used.checked_add(layout.size())?;
        (end <= self.capacity()).then(|| self.room.shm_ptr().ptr.offset().add(used))
    }

    /// Takes all back.
    pub fn clear(&mut self) {
        self.used.store(0, Ordering::Relaxed);
    }

    /// The words that were taken at `at`.
    pub(super) fn words(&self, at: Offset, count: usize) -> Result<&[AtomicU64], ContainerError> {
        let start = self.room.shm_ptr().ptr.offset().get();
        let distance = at.get().checked_sub(start).ok_or(ContainerError::Corrupt)?;
        let first = distance / Self::ALIGN;
        let words = self.room.as_slice()?.get(first..).and_then(|rest| rest.get(..count));
        words.filter(|_| distance % Self::ALIGN == 0).ok_or(ContainerError::Corrupt)
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arena({} of {} bytes)", self.used(), self.capacity())
    }
}
