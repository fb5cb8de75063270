//! A container's way to its heap: every offset is bounded here.

use core::alloc::Layout;
use core::ptr::NonNull;

use super::{ContainerError, Trace};
use crate::allocator::{AllocError, Allocator, Exchange, Registration, registry};
use crate::offset::{AllocatorId, Offset};
use crate::sync::atomic::{AtomicUsize, Ordering, compiler_fence};
use crate::thread::{Context, ThreadModel};

/// How deep values are settled whose changer died.
pub(super) const LEVELS: u32 = 16;

/// A heap that is attached in this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heap {
    registration: &'static Registration,
}

impl Heap {
    /// The heap with the id `id`.
    #[inline]
    pub(super) fn find(id: AllocatorId) -> Result<Self, ContainerError> {
        let word = registry::word(id);
        match registry::find_word(word) {
            Some(registration) => Ok(Self { registration }),
            None => Err(not_attached(word)),
        }
    }

    /// Its allocator.
    #[inline]
    pub(super) fn allocator(self) -> &'static dyn Allocator {
        self.registration.heap()
    }

    /// An error where this process may only read.
    #[inline]
    pub(super) fn writable(self) -> Result<(), ContainerError> {
        if self.registration.read_only() { Err(AllocError::ReadOnly.into()) } else { Ok(()) }
    }

    /// How locks in it wait, and for whom.
    #[inline]
    pub(super) fn model(self) -> &'static dyn ThreadModel {
        self.allocator().thread_model()
    }

    /// Settles a value that was in the hands of a process when it died.
    #[cold]
    pub(super) fn settle(self, value: &mut impl Trace) {
        self.allocator().recover();
        value.settle(LEVELS);
    }

    /// Whether it is that large.
    pub(super) fn has(self, bytes: usize) -> bool {
        self.registration.resolve(0, bytes).is_some()
    }

    /// The address of `len` values of type `T` at `at`.
    ///
    /// What comes back is not null, is aligned, and lies inside the heap.
    #[inline]
    pub(super) fn array<T>(self, at: Offset, len: usize) -> Result<NonNull<T>, ContainerError> {
        if at.is_null() {
            return Err(ContainerError::Corrupt);
        }
        let (start, rest) = self.registration.rest(at.get()).ok_or(ContainerError::Corrupt)?;
        // Divided, for no product is too large then, and most sizes are powers of two.
        let fits = rest.checked_div(size_of::<T>()).is_none_or(|room| len <= room);
        let start = start.cast::<T>();
        if fits && start.is_aligned() { Ok(start) } else { Err(ContainerError::Corrupt) }
    }

    /// The address of `bytes` bytes at `at`, a multiple of [`Registration::ALIGN`], where
    /// values of type `T` are, which are aligned there.
    ///
    /// What comes back is as for [`array`](Self::array). Low bits of `at` that make it
    /// no such multiple are left out.
    #[inline]
    pub(super) fn round_place<T>(
        self,
        at: Offset,
        bytes: usize,
    ) -> Result<NonNull<T>, ContainerError> {
        const { assert!(align_of::<T>() <= Registration::ALIGN) };
        let at = at.get() & !(Registration::ALIGN - 1);
        match self.registration.resolve(at, bytes) {
            // The heap's first byte is aligned as well.
            Some(start) if at != 0 => Ok(start.cast()),
            _ => Err(ContainerError::Corrupt),
        }
    }

    /// Allocates a block for `len` values of type `T`.
    pub(super) fn allocate<T>(
        self,
        layout: Layout,
        len: usize,
    ) -> Result<(Offset, NonNull<T>), ContainerError> {
        let at = self.allocator().allocate(Context::DEFAULT, layout)?;
        Ok((at, self.array(at, len)?))
    }

    /// Allocates a block that takes the place of `old`: if it is larger, it is likely to
    /// become larger still.
    fn allocate_instead(
        self,
        old: Option<(Offset, Layout)>,
        layout: Layout,
    ) -> Result<(Offset, NonNull<u8>), ContainerError> {
        let grows = old.is_some_and(|(_, old)| old.size() < layout.size());
        if !grows {
            return self.allocate(layout, layout.size());
        }
        let at = self.allocator().allocate_growing(Context::DEFAULT, layout)?;
        Ok((at, self.array(at, layout.size())?))
    }

    /// Puts a new block in the place of the one that `link` names, which is freed:
    /// a death leaves the one or the other linked, and no third.
    ///
    /// `fill` gets the new block before it is linked. Blocks whose link is not in
    /// the heap are lost with whoever has it.
    ///
    /// # Safety
    ///
    /// `link` is valid for stores and nobody else's meanwhile. The old block is
    /// named by it only, as for [`free`](Self::free).
    pub(super) unsafe fn exchange(
        self,
        link: NonNull<AtomicUsize>,
        old: Option<(Offset, Layout)>,
        (new, tag): (Option<Layout>, usize),
        fill: &mut dyn FnMut(NonNull<u8>),
    ) -> Result<Offset, ContainerError> {
        let allocator = self.allocator();
        if let Some(at) = allocator.offset_of(link.cast()) {
            let exchange = Exchange { link: at, word: Some(link), old, new, tag };
            // SAFETY: passed on from the caller.
            return Ok(unsafe { allocator.exchange(Context::DEFAULT, &exchange, fill) }?);
        }
        let made = new.map(|layout| self.allocate_instead(old, layout)).transpose()?;
        let new = made.map_or(Offset::NULL, |(at, start)| {
            fill(start);
            at
        });
        // SAFETY: valid for a store (contract).
        unsafe { link.as_ref() }.store(new.get() | tag, Ordering::Relaxed);
        if let Some((at, layout)) = old {
            // SAFETY: passed on from the caller.
            unsafe { self.free(at, layout) };
        }
        Ok(new)
    }

    /// Makes a block larger where it stands; whether it could.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free); `size` is not less than the layout's.
    pub(super) unsafe fn grow(self, at: Offset, layout: Layout, size: usize) -> bool {
        // SAFETY: as promised by the caller; as in `free` where a damaged container
        // named the block.
        unsafe { self.allocator().grow(Context::DEFAULT, at, layout, size) }
    }

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// The caller is the only one that knows of the block, which it got from
    /// `allocate` with `layout`, or found in a container.
    pub(super) unsafe fn free(self, at: Offset, layout: Layout) {
        // SAFETY: as promised by the caller. Where a damaged container named
        // the block, the allocator sees that it is none, and the block that was
        // meant leaks: there is nobody to tell, as in any `drop`.
        let _ = unsafe { self.allocator().free(Context::DEFAULT, at, layout) };
    }
}

/// What is said when the heap with the id that is `word` is not there.
///
/// Here and of one number, so that who looks for it loads no other.
#[cold]
#[inline(never)]
fn not_attached(word: u64) -> ContainerError {
    ContainerError::NotAttached(registry::id_of(word))
}

/// The layout of `len` values of type `T`.
pub(super) fn array_layout<T>(len: usize) -> Result<Layout, ContainerError> {
    Layout::array::<T>(len).map_err(|_| too_large(len.saturating_mul(size_of::<T>())))
}

/// A request that no heap could meet.
pub(super) fn too_large(requested: usize) -> ContainerError {
    ContainerError::Alloc(AllocError::TooLarge { requested })
}

/// Keeps the stores before it and those after it in this order.
///
/// A process may die between any two instructions, and its stores up to there
/// are what the others find. So only the compiler must be kept from swapping
/// them, which costs no instruction.
#[inline(always)]
pub(super) fn in_order() {
    compiler_fence(Ordering::SeqCst);
}
