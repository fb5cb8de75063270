//! The segment-wide allocator: no slots, no thread-local storage.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use super::contents::Contents;
use super::space::{Place, Space};
use super::{
    AllocError, Allocator, Broken, FreeError, Stats, TlsFull, allocate_and_zero, move_block,
};
use crate::backend::Backend;
use crate::offset::{AllocatorId, Offset};
use crate::page_table::SHARED;
use crate::segment::{AttachError, Config, CreateError, Roots, Segment, WORD_BITS};
use crate::size_class::{Class, Classes};
use crate::thread::{Bare, Context, ThreadModel};

/// Allocates from one table of slabs that everybody shares (hermes-shm:
/// `ScalablePageAllocator`).
///
/// Lock-free: small blocks come from slabs with an atomic bitmap, large ones
/// are spans of slabs. It needs no thread-local storage, so interrupt handlers
/// and kernels use it directly; it sees every double free at once; and a thread
/// that dies takes at most the block with it that it was about to return, or,
/// having no journal, the slabs that it was claiming or giving back.
/// [`ThreadLocalAllocator`](super::ThreadLocalAllocator) is several times
/// faster.
///
/// ```
/// use anymem_core::allocator::{Allocator, ScalablePageAllocator};
/// use anymem_core::backend::ArrayBackend;
/// use anymem_core::offset::AllocatorId;
/// use anymem_core::segment::Config;
/// use anymem_core::thread::{Bare, Context};
/// use core::alloc::Layout;
///
/// // Slabs of 4 KiB, for a heap of 256 KiB.
/// let mut memory = vec![0_u8; 256 << 10];
/// let heap = ScalablePageAllocator::<_, Bare, 12>::create(
///     ArrayBackend::<4096>::new(&mut memory),
///     Bare,
///     &Config::new(AllocatorId::new(0, 1)),
/// )?;
/// let layout = Layout::new::<[u64; 10]>();
/// let block = heap.allocate(Context::DEFAULT, layout)?;
/// // SAFETY: the block was just allocated with that layout.
/// unsafe { heap.free(Context::DEFAULT, block, layout)? };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ScalablePageAllocator<B, T = Bare, const SHIFT: u32 = 16> {
    segment: Segment<B, T, SHIFT>,
}

impl<B, T, const SHIFT: u32> fmt::Debug for ScalablePageAllocator<B, T, SHIFT> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScalablePageAllocator").finish_non_exhaustive()
    }
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> ScalablePageAllocator<B, T, SHIFT> {
    /// Formats `backend` as a heap; whatever was in it is lost.
    ///
    /// # Errors
    ///
    /// See [`CreateError`].
    pub fn create(backend: B, model: T, config: &Config) -> Result<Self, CreateError> {
        Segment::create(backend, model, config).map(|segment| Self { segment })
    }

    /// Takes `backend` for a heap that somebody made.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(backend: B, model: T) -> Result<Self, AttachError> {
        Segment::attach(backend, model).map(|segment| Self { segment })
    }

    /// The segment.
    #[must_use]
    pub fn segment(&self) -> &Segment<B, T, SHIFT> {
        &self.segment
    }

    /// Where the bytes come from.
    #[must_use]
    pub fn backend(&self) -> &B {
        self.segment.backend()
    }

    /// The named roots.
    #[must_use]
    pub fn roots(&self) -> Roots<'_> {
        self.segment.roots()
    }

    #[inline]
    pub(super) fn space(&self) -> Space<'_, B, T, SHIFT> {
        Space::new(&self.segment)
    }

    /// Gives slabs without a block in use back, and the space behind free slabs
    /// to the system; how many bytes of that.
    pub fn trim(&self) -> usize {
        if self.backend().read_only() {
            return 0;
        }
        self.space().recover_guests();
        self.space().retire_all(&self.space().guest());
        self.space().decommit_free(&self.space().guest())
    }

    /// Walks the heap and says what is broken.
    ///
    /// Meaningful while nobody allocates.
    ///
    /// # Errors
    ///
    /// The first rule found that does not hold.
    pub fn check(&self) -> Result<(), Broken> {
        self.space().check()
    }

    fn allocate_small(&self, class: Class, layout: Layout) -> Result<Offset, AllocError> {
        let take = || self.space().allocate_shared(class, &self.space().guest());
        self.or_reclaimed(layout, take).or_else(|error| {
            let span = self.space().allocate_large(layout, Contents::Any, &self.space().guest());
            span.map_err(|_| error)
        })
    }

    fn allocate_span(&self, layout: Layout, contents: Contents) -> Result<Offset, AllocError> {
        self.or_reclaimed(layout, || {
            self.space().allocate_large(layout, contents, &self.space().guest())
        })
    }

    /// Takes a block, if need be after slabs that nobody uses were given back.
    fn or_reclaimed(
        &self,
        layout: Layout,
        take: impl Fn() -> Result<Offset, AllocError>,
    ) -> Result<Offset, AllocError> {
        take().or_else(|error| {
            let AllocError::Full { .. } = error else { return Err(error) };
            self.space().recover_guests();
            self.space().retire_all(&self.space().guest());
            take().map_err(|_| error.of_request(layout.size()))
        })
    }

    /// Frees the block at `at`, which the owner words tell all about.
    pub(super) fn free_unsized(&self, at: Offset) -> Result<(), FreeError> {
        if at.get() >= self.segment.bytes().len() {
            return Err(FreeError::Outside);
        }
        if self.backend().read_only() {
            return Err(FreeError::ReadOnly);
        }
        self.space().place(at).ok_or(FreeError::NotABlock).and_then(|place| {
            self.space().open(at, place)?;
            self.free_block(place).inspect_err(|error| self.space().count_refused(*error))
        })
    }

    fn free_block(&self, place: Place) -> Result<(), FreeError> {
        match place {
            Place::Large(slab) => self.space().free_large(slab, &self.space().guest()),
            Place::Block { slab, block, class, slot: SHARED } => {
                self.space().free_shared(slab, block, class, &self.space().guest())
            }
            Place::Block { slab, block, class, slot } => {
                let space = self.space();
                let descriptor = space.descriptor(slab);
                let (index, bit) = (block / WORD_BITS, 1 << (block % WORD_BITS));
                let blocks = Classes::<SHIFT>::info(class).blocks as usize;
                let local = descriptor.local_bits(blocks).word(index).load(Ordering::Relaxed);
                // Looked at first: a bit in both bitmaps would free the block
                // once more after the owner has handed it out.
                if local & bit != 0 || descriptor.remote().free(index, bit) != 0 {
                    return Err(FreeError::DoubleFree);
                }
                if let Some(dirty) = space.dirty_of(slot) {
                    descriptor.remote().announce(slab, &dirty);
                }
                Ok(())
            }
        }
    }
}

// SAFETY: a block is handed out by taking its bit, or the owner words of its
// slabs, from FREE, atomically; it stays taken until it is freed. Sizes are
// rounded up; alignments up to the slab's follow from block sizes that are
// multiples of them, larger ones from the choice of slabs.
unsafe impl<B: Backend, T: ThreadModel, const SHIFT: u32> Allocator
    for ScalablePageAllocator<B, T, SHIFT>
{
    fn id(&self) -> AllocatorId {
        self.segment.id()
    }

    fn read_only(&self) -> bool {
        self.backend().read_only()
    }

    fn thread_model(&self) -> &dyn ThreadModel {
        &self.segment
    }

    fn create_tls(&self) -> Result<Context, TlsFull> {
        Ok(Context::DEFAULT)
    }

    unsafe fn free_tls(&self, _context: Context) {}

    fn allocate(&self, _context: Context, layout: Layout) -> Result<Offset, AllocError> {
        match Classes::<SHIFT>::of(layout) {
            Some(class) => {
                let block = self.allocate_small(class, layout);
                block.inspect(|at| self.space().close(*at, layout.size()))
            }
            None => self.allocate_span(layout, Contents::Any),
        }
    }

    fn allocate_zeroed(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        match Classes::<SHIFT>::of(layout) {
            Some(_) => allocate_and_zero(self, context, layout),
            None => self.allocate_span(layout, Contents::Zero),
        }
    }

    unsafe fn reallocate(
        &self,
        context: Context,
        at: Offset,
        layout: Layout,
        new_size: usize,
    ) -> Result<Offset, AllocError> {
        if self.backend().read_only() {
            return Err(AllocError::ReadOnly);
        }
        let new = Layout::from_size_align(new_size, layout.align())
            .map_err(|_| AllocError::TooLarge { requested: new_size })?;
        self.space().inspect(at)?;
        let stays = match (Classes::<SHIFT>::of(layout), Classes::<SHIFT>::of(new)) {
            (Some(old), Some(new)) => {
                old == new && self.space().reseal(at, new_size, &self.space().guest())
            }
            (None, None) => match self.space().place(at) {
                Some(Place::Large(slab)) => {
                    self.space().resize_large(slab, new_size, &self.space().guest())
                }
                _ => return Err(AllocError::Corrupt),
            },
            _ => false,
        };
        // In a damaged heap, what there is room for in the class may end outside.
        if stays && self.space().inside(at, new_size) == new_size {
            return Ok(at);
        }
        // SAFETY: passed on from the caller.
        unsafe { move_block(self, context, at, layout, new_size) }
    }

    fn recover(&self) -> usize {
        if !self.backend().read_only() {
            self.space().recover_guests();
        }
        0
    }

    unsafe fn free(&self, _context: Context, at: Offset, _layout: Layout) -> Result<(), FreeError> {
        self.free_unsized(at)
    }

    fn usable_size_of(&self, at: Offset) -> Option<usize> {
        self.space().size_of_block(at)
    }

    unsafe fn usable_size(&self, at: Offset, layout: Layout) -> usize {
        self.space().usable_size(at, layout)
    }

    fn resolve(&self, at: Offset, size: usize) -> Option<NonNull<u8>> {
        self.segment.bytes().slice(at, size)
    }

    fn offset_of(&self, ptr: NonNull<u8>) -> Option<Offset> {
        let bytes = self.segment.bytes();
        let at = ptr.addr().get().wrapping_sub(bytes.base().addr().get());
        (at < bytes.len()).then_some(Offset::new(at))
    }

    fn stats(&self) -> Stats {
        self.space().stats()
    }
}
