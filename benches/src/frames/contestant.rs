//! Who hands out frames.

use core::{alloc::Layout, ptr::NonNull};

use anymem_core::{
    frames::{Frame, FrameAllocator, Request, metadata_size},
    sync::Bytes,
};
use buddy_system_allocator::LockedFrameAllocator;
use linked_list_allocator::LockedHeap;

use super::work::FRAMES;

/// Bytes of a frame.
const FRAME: usize = 4096;

/// The largest order that the buddy system is to know: of all frames.
const ORDERS: usize = FRAMES.ilog2() as usize + 1;

/// An allocator of frames that several threads use.
pub(super) trait Frames: Sync {
    /// Takes `1 << order` frames; the first one. Whoever asks does so as processor `cpu`.
    fn allocate(&self, cpu: usize, order: u32) -> Option<usize>;

    /// Frees them.
    fn free(&self, cpu: usize, first: usize, order: u32);
}

impl Frames for FrameAllocator<Bytes<'static>> {
    #[inline]
    fn allocate(&self, cpu: usize, order: u32) -> Option<usize> {
        self.on(cpu).allocate(Request::order(order)).ok().map(Frame::number)
    }

    #[inline]
    fn free(&self, cpu: usize, first: usize, order: u32) {
        self.on(cpu).free(Frame::new(first), 1 << order).expect("the frames are the caller's");
    }
}

/// Ours, for `cpus` processors. Its metadata is never freed.
pub(super) fn anymem(cpus: usize) -> FrameAllocator<Bytes<'static>> {
    let metadata = vec![0; metadata_size(FRAMES, cpus)].leak();
    let all = Frame::new(0)..Frame::new(FRAMES);
    let frames = FrameAllocator::new(all.clone(), cpus, metadata).expect("as many bytes as asked");
    frames.release(all).expect("none of them is free");
    frames
}

impl Frames for LockedFrameAllocator<ORDERS> {
    #[inline]
    fn allocate(&self, _cpu: usize, order: u32) -> Option<usize> {
        self.lock().alloc(1 << order)
    }

    #[inline]
    fn free(&self, _cpu: usize, first: usize, order: u32) {
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
    #[inline]
    fn allocate(&self, _cpu: usize, order: u32) -> Option<usize> {
        let block = self.heap.lock().allocate_first_fit(Self::layout(order)).ok()?;
        Some(block.expose_provenance().get())
    }

    #[inline]
    fn free(&self, _cpu: usize, first: usize, order: u32) {
        let block = NonNull::new(core::ptr::with_exposed_provenance_mut(first));
        let block = block.expect("no frame is at address 0");
        // SAFETY: the block is one that was allocated with that order, and is freed once.
        unsafe { self.heap.lock().deallocate(block, Self::layout(order)) };
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
