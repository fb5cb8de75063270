//! Who hands out frames.

use core::{alloc::Layout, ptr::NonNull};

use anymem_core::{
    frames::{Frame, FrameAllocator, FrameCache, OnCpu, Request, metadata_size},
    sync::Bytes,
};
use buddy_system_allocator::LockedFrameAllocator;
use linked_list_allocator::LockedHeap;

/// Bytes of a frame.
const FRAME: usize = 4096;

/// Frames that there are: 512 MiB.
pub(super) const FRAMES: usize = 1 << 17;

/// The largest order that the buddy system is to know: of all frames.
const ORDERS: usize = FRAMES.ilog2() as usize + 1;

/// An allocator of frames that several threads use.
pub(super) trait Frames: Sync {
    /// What a thread takes frames from.
    type Source<'a>: Source
    where
        Self: 'a;

    /// The source of the thread that is processor `cpu`.
    fn source(&self, cpu: usize) -> Self::Source<'_>;
}

/// What one thread takes frames from.
pub(super) trait Source {
    /// Takes `1 << order` frames; the first one.
    fn allocate(&mut self, order: u32) -> Option<usize>;

    /// Frees them.
    fn free(&mut self, first: usize, order: u32);

    /// Lets others have what the thread has kept.
    fn drain(&mut self) {}
}

type Anymem = FrameAllocator<Bytes<'static>>;

impl Frames for Anymem {
    type Source<'a> = OnCpu<'a>;

    fn source(&self, cpu: usize) -> OnCpu<'_> {
        self.on(cpu)
    }
}

impl Source for OnCpu<'_> {
    #[inline]
    fn allocate(&mut self, order: u32) -> Option<usize> {
        OnCpu::allocate(self, Request::order(order)).ok().map(Frame::number)
    }

    #[inline]
    fn free(&mut self, first: usize, order: u32) {
        let freed = OnCpu::free(self, Frame::new(first), 1 << order);
        freed.expect("the frames are the caller's");
    }
}

/// Ours, with a cache of single frames for each thread.
pub(super) struct Cached(Anymem);

impl Frames for Cached {
    type Source<'a> = FrameCache<'a>;

    fn source(&self, cpu: usize) -> FrameCache<'_> {
        FrameCache::new(self.0.on(cpu))
    }
}

impl Source for FrameCache<'_> {
    #[inline]
    fn allocate(&mut self, order: u32) -> Option<usize> {
        assert_eq!(order, 0, "a cache has single frames");
        FrameCache::allocate(self).ok().map(Frame::number)
    }

    #[inline]
    fn free(&mut self, first: usize, _order: u32) {
        FrameCache::free(self, Frame::new(first)).expect("the frame is the caller's");
    }

    fn drain(&mut self) {
        FrameCache::drain(self).expect("no frame was freed twice");
    }
}

/// Ours with caches, for `cpus` processors.
pub(super) fn cached(cpus: usize) -> Cached {
    Cached(anymem(cpus))
}

/// Ours, for `cpus` processors. Its metadata is never freed.
pub(super) fn anymem(cpus: usize) -> Anymem {
    let metadata = vec![0; metadata_size(FRAMES, cpus)].leak();
    let all = Frame::new(0)..Frame::new(FRAMES);
    let frames = FrameAllocator::new(all.clone(), cpus, metadata).expect("as many bytes as asked");
    frames.release(all).expect("none of them is free");
    frames
}

impl Frames for LockedFrameAllocator<ORDERS> {
    type Source<'a> = &'a Self;

    fn source(&self, _cpu: usize) -> &Self {
        self
    }
}

impl Source for &LockedFrameAllocator<ORDERS> {
    #[inline]
    fn allocate(&mut self, order: u32) -> Option<usize> {
        self.lock().alloc(1 << order)
    }

    #[inline]
    fn free(&mut self, first: usize, order: u32) {
        self.lock().dealloc(first, 1 << order);
    }
}

/// The frames of `buddy_system_allocator`, behind its own lock.
pub(super) fn buddy() -> LockedFrameAllocator<ORDERS> {
    let frames = LockedFrameAllocator::new();
    frames.lock().insert(0..FRAMES);
    frames
}

/// Blocks of `linked_list_allocator`, as large and aligned as frames, behind its own lock.
pub(super) struct LinkedList {
    heap: LockedHeap,
    /// What the heap is in.
    _memory: Vec<u8>,
}

impl LinkedList {
    fn layout(order: u32) -> Layout {
        let size = FRAME << order;
        Layout::from_size_align(size, size).expect("a power of two")
    }
}

impl Frames for LinkedList {
    type Source<'a> = &'a Self;

    fn source(&self, _cpu: usize) -> &Self {
        self
    }
}

impl Source for &LinkedList {
    #[inline]
    fn allocate(&mut self, order: u32) -> Option<usize> {
        let block = self.heap.lock().allocate_first_fit(LinkedList::layout(order)).ok()?;
        Some(block.expose_provenance().get())
    }

    #[inline]
    fn free(&mut self, first: usize, order: u32) {
        let block = NonNull::new(core::ptr::with_exposed_provenance_mut(first));
        let block = block.expect("no frame is at address 0");
        // SAFETY: the block is one that was allocated with that order, and is freed once.
        unsafe { self.heap.lock().deallocate(block, LinkedList::layout(order)) };
    }
}

/// The list, with its nodes in as much memory as there are frames.
pub(super) fn linked_list() -> LinkedList {
    // One more huge frame, for the memory begins anywhere.
    let size = FRAMES * FRAME + (FRAME << 9);
    // Zeroed memory of that size comes from the system, a page at a time as it is touched.
    let mut memory = vec![0; size];
    let heap = LockedHeap::empty();
    // SAFETY: nobody else uses the memory for as long as the heap is there.
    unsafe { heap.lock().init(memory.as_mut_ptr(), size) };
    LinkedList { heap, _memory: memory }
}
