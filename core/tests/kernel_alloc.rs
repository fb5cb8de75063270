//! `KernelAlloc`: any calls from any processor, regions that come later, memory that runs
//! out and comes back.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::collections::VecDeque;
use std::ptr::NonNull;

use anymem_core::global::{AddError, KernelAlloc};
use proptest::prelude::*;
// ThreadSanitizer sees what it does, and not what that of the standard library does.
use spin::Mutex;

const CPUS: usize = 3;

type Heap = KernelAlloc<CPUS, 12, 4>;

thread_local! {
    static CPU: Cell<usize> = const { Cell::new(0) };
}

fn cpu() -> usize {
    CPU.get()
}

/// Memory for ever.
fn memory(len: usize) -> NonNull<[u8]> {
    // What a kernel gets was used by others before.
    NonNull::from(Box::leak(vec![0xa5_u8; len].into_boxed_slice()))
}

fn heap(regions: &[usize]) -> Heap {
    let heap = Heap::new(cpu);
    for &len in regions {
        // SAFETY: nobody else has the memory.
        unsafe { heap.add(memory(len)) }.expect("large enough");
    }
    heap
}

/// A block full of a mark.
#[derive(Debug)]
struct Block {
    at: *mut u8,
    layout: Layout,
    mark: u8,
}

// SAFETY: it owns its bytes.
unsafe impl Send for Block {}

impl Block {
    fn new(heap: &Heap, layout: Layout, mark: u8) -> Option<Self> {
        // SAFETY: the layouts here have sizes.
        let at = unsafe { heap.alloc(layout) };
        assert!(at.addr().is_multiple_of(layout.align()), "{at:p} for {layout:?}");
        // SAFETY: the block was just handed out.
        (!at.is_null()).then(|| unsafe { at.write_bytes(mark, layout.size()) })?;
        Some(Self { at, layout, mark })
    }

    fn check(&self, len: usize) {
        // SAFETY: the block is in use, and was written.
        let bytes = unsafe { std::slice::from_raw_parts(self.at, len) };
        assert!(bytes.iter().all(|&byte| byte == self.mark), "{self:?} was written to");
    }

    /// The block with another size, or as it was; whether it has that size.
    fn resize(&mut self, heap: &Heap, size: usize) -> bool {
        // SAFETY: the block is of this layout; the old address is forgotten if it moved.
        let moved = unsafe { heap.realloc(self.at, self.layout, size) };
        if moved.is_null() {
            self.check(self.layout.size());
            return false;
        }
        self.at = moved;
        self.check(self.layout.size().min(size));
        self.layout = Layout::from_size_align(size, self.layout.align()).expect("a layout");
        // SAFETY: the block has that size now.
        unsafe { moved.write_bytes(self.mark, size) };
        true
    }

    fn free(self, heap: &Heap) {
        self.check(self.layout.size());
        // SAFETY: the block is of this layout, and not used any more.
        unsafe { heap.dealloc(self.at, self.layout) };
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("a layout")
}

/// Blocks of `size` until there is no room.
fn fill(heap: &Heap, size: usize) -> Vec<Block> {
    std::iter::from_fn(|| Block::new(heap, layout(size), 1)).collect()
}

fn free_all(heap: &Heap, blocks: impl IntoIterator<Item = Block>) {
    blocks.into_iter().for_each(|block| block.free(heap));
}

fn is_empty(heap: &Heap) {
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.used(), 0);
}

#[derive(Debug, Clone)]
enum Op {
    Allocate { size: usize, align: u32 },
    Free(usize),
    Resize(usize, usize),
    Move(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let size = || prop_oneof![1..200_usize, 200..5000_usize, 5000..100_000_usize];
    prop_oneof![
        4 => (size(), 0..15_u32).prop_map(|(size, align)| Op::Allocate { size, align }),
        3 => any::<usize>().prop_map(Op::Free),
        2 => (any::<usize>(), size()).prop_map(|(which, size)| Op::Resize(which, size)),
        // Also to processors that there are not.
        1 => (0..2 * CPUS).prop_map(Op::Move),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No block is anybody else's, whatever the order; in the end all is free.
    #[test]
    fn any_calls(ops in proptest::collection::vec(op(), 1..300)) {
        let heap = heap(&[300_000, 100_000]);
        let mut blocks = VecDeque::new();
        for (number, op) in ops.into_iter().enumerate() {
            let pick = |which: usize| which.checked_rem(blocks.len());
            match op {
                Op::Allocate { size, align } => {
                    let layout = Layout::from_size_align(size, 1 << align).expect("a layout");
                    blocks.extend(Block::new(&heap, layout, number as u8));
                }
                Op::Free(which) => {
                    let block = pick(which).and_then(|it| blocks.swap_remove_back(it));
                    free_all(&heap, block);
                }
                Op::Resize(which, size) => {
                    if let Some(block) = pick(which) {
                        blocks[block].resize(&heap, size);
                    }
                }
                Op::Move(to) => CPU.set(to),
            }
        }
        prop_assert_eq!(heap.check(), Ok(()));
        free_all(&heap, blocks);
        is_empty(&heap);
    }
}

#[test]
fn it_has_nothing_before_the_first_region() {
    let heap = Heap::new(cpu);
    assert!(Block::new(&heap, layout(1), 0).is_none());
    assert_eq!((heap.capacity(), heap.used()), (0, 0));
}

#[test]
fn regions_are_refused_as_values() {
    let heap = heap(&[]);
    // SAFETY: nobody else has the memory.
    let add = |len| unsafe { heap.add(memory(len)) };
    assert!(matches!(add(5000), Err(AddError::TooSmall(small)) if small.len == 5000));
    for _ in 0..4 {
        assert_eq!(add(200_000), Ok(()));
    }
    assert_eq!(add(200_000), Err(AddError::TooMany { regions: 4 }));
    assert!(heap.capacity() > 4 * 150_000);
}

#[test]
fn regions_tell_what_they_hold() {
    let heap = heap(&[300_000]);
    assert_eq!(heap.stats().live, 0);
    let first = fill(&heap, 1000);
    // SAFETY: nobody else has the memory.
    unsafe { heap.add(memory(600_000)) }.expect("large enough");
    let mut second = fill(&heap, 100);
    second.extend(Block::new(&heap, layout(1), 1));
    let regions: Vec<_> = heap.region_stats().collect();
    let [former, later] = regions.as_slice() else { panic!("{} regions", regions.len()) };
    assert_eq!(former.live_blocks + later.live_blocks, first.len() + second.len());
    assert!(former.live_blocks >= first.len() && former.capacity < later.capacity);
    assert!(former.live >= 1000 * first.len() && former.free() < 1000 * 10, "{}", former.free());
    let all = heap.stats();
    assert_eq!(all.live, former.live + later.live);
    assert_eq!(all.reserved, former.reserved + later.reserved);
    let of = |size| all.classes.iter().find(|class| class.block_size >= size).expect("a class");
    // A slab may stand in for one of the larger ones.
    assert!(of(1000).live + all.spans >= first.len() && of(100).live + 1 >= second.len());
    // What a processor keeps at hand is free.
    free_all(&heap, first);
    free_all(&heap, second);
    let all = heap.stats();
    assert_eq!((all.live, all.live_blocks, all.free()), (0, 0, all.capacity));
    assert_eq!(all.double_frees, 0);
}

/// Asked while others allocate and free, whatever the moment.
#[test]
fn numbers_are_asked_for_while_others_allocate() {
    let heap = heap(&[300_000, 200_000]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..200 {
                let stats = heap.stats();
                // A slab that is looked at counts with all eight of a run that it is the first
                // of; once that is freed, the others may be parts of runs by their turn.
                assert!(stats.capacity > 400_000 && stats.live <= 8 * stats.capacity);
                assert!(stats.slabs <= stats.capacity >> 12 && stats.double_frees == 0);
            }
        });
        for cpu in 0..2 {
            let heap = &heap;
            scope.spawn(move || {
                CPU.set(cpu);
                for turn in 0..200 {
                    let sizes = [24, 700, 5000].into_iter().cycle().take(turn % 50);
                    let blocks: Vec<_> =
                        sizes.filter_map(|size| Block::new(heap, layout(size), 1)).collect();
                    free_all(heap, blocks);
                }
            });
        }
    });
    is_empty(&heap);
}

#[test]
fn a_later_region_serves_what_has_no_room() {
    let heap = heap(&[200_000]);
    let mut first = fill(&heap, 1000);
    // SAFETY: nobody else has the memory.
    unsafe { heap.add(memory(400_000)) }.expect("large enough");
    let second = fill(&heap, 1000);
    assert!(second.len() > first.len());
    // Blocks of the first region move where there is room.
    free_all(&heap, second);
    let block = first.last_mut().expect("a block");
    assert!(block.resize(&heap, 50_000));
    free_all(&heap, first);
    is_empty(&heap);
}

#[test]
fn what_another_processor_keeps_is_found_before_a_call_fails() {
    let heap = heap(&[300_000]);
    // Larger blocks may stand in slabs of their own where no run of slabs is left.
    for size in [16, 48, 400] {
        CPU.set(0);
        let blocks = fill(&heap, size);
        let count = blocks.len();
        free_all(&heap, blocks);
        CPU.set(1);
        let again = fill(&heap, size);
        assert!(again.len() >= count, "{} of {count} blocks of {size}", again.len());
        free_all(&heap, again);
        is_empty(&heap);
    }
}

#[test]
fn requests_that_nobody_can_serve_are_null() {
    let heap = heap(&[300_000]);
    let mut block = Block::new(&heap, layout(100), 7).expect("room");
    for size in [1 << 20, isize::MAX as usize - 4096] {
        assert!(Block::new(&heap, layout(size), 0).is_none());
        assert!(!block.resize(&heap, size));
    }
    let aligned = Layout::from_size_align(64, 1 << 30).expect("a layout");
    assert!(Block::new(&heap, aligned, 0).is_none());
    block.free(&heap);
    is_empty(&heap);
}

#[test]
fn zeroed_blocks_are_zero_where_others_were() {
    let heap = heap(&[300_000]);
    for size in [40, 3000, 40_000] {
        let blocks = fill(&heap, size);
        free_all(&heap, blocks);
        // SAFETY: the layout has a size, the block as many bytes; it is freed with the same.
        unsafe {
            let block = heap.alloc_zeroed(layout(size));
            let bytes = std::slice::from_raw_parts(block, size);
            assert!(bytes.iter().all(|&byte| byte == 0));
            heap.dealloc(block, layout(size));
        }
    }
}

/// Threads that say they are one processor, processors of their own, or ones that there
/// are not, free each other's blocks; meanwhile regions are added.
#[test]
fn threads_free_each_others_blocks() {
    let heap = heap(&[400_000]);
    let places: [Mutex<Option<Block>>; 32] = Default::default();
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (heap, places) = (&heap, &places);
            scope.spawn(move || {
                for turn in 0..5000_usize {
                    CPU.set(if turn.is_multiple_of(7) { thread * 5 } else { thread / 2 });
                    let mixed = (turn * 4 + thread).wrapping_mul(2_654_435_761);
                    let layout = layout(1 + mixed % 3000);
                    let block = Block::new(heap, layout, mixed as u8);
                    let mut place = places[mixed / 3000 % 32].lock();
                    let former = std::mem::replace(&mut *place, block);
                    drop(place);
                    free_all(heap, former);
                }
            });
        }
        // SAFETY: nobody else has the memory.
        unsafe { heap.add(memory(400_000)) }.expect("large enough");
    });
    free_all(&heap, places.into_iter().filter_map(|it| it.into_inner()));
    is_empty(&heap);
}
