//! The C library's heap behind the allocator trait.

use core::alloc::Layout;

use anymem::allocator::{AllocError, Allocator, MallocAllocator};
use anymem::offset::AllocatorId;
use anymem::thread::Context;

const NONE: Context = Context::DEFAULT;

#[test]
fn any_size_and_alignment() {
    let heap = MallocAllocator::new(AllocatorId::new(1, 2));
    assert_eq!(heap.id(), AllocatorId::new(1, 2));
    let mut live = Vec::new();
    for size in [0, 1, 7, 8, 100, 4096, 1 << 20] {
        for align in [1, 2, 8, 16, 32, 64, 4096, 65536] {
            let layout = Layout::from_size_align(size, align).expect("a layout");
            let at = heap.allocate_zeroed(NONE, layout).expect("memory");
            let block = heap.resolve(at, size).expect("an address");
            assert_eq!(block.addr().get() % align, 0);
            assert_eq!(heap.offset_of(block), Some(at));
            // SAFETY: the block is live and that long.
            unsafe {
                assert!(heap.usable_size(at, layout) >= size);
                assert!((0..size).all(|byte| block.add(byte).read() == 0));
                block.write_bytes(0xa5, size);
            }
            live.push((at, layout));
        }
    }
    assert_eq!(heap.stats().live_blocks, live.len());
    for (at, layout) in live {
        let new_size = layout.size() * 3 + 5;
        // SAFETY: the blocks are live, and not used after they are freed.
        unsafe {
            let at = heap.reallocate(NONE, at, layout, new_size).expect("memory");
            let block = heap.resolve(at, new_size).expect("an address");
            assert!((0..layout.size()).all(|byte| block.add(byte).read() == 0xa5));
            assert_eq!(block.addr().get() % layout.align(), 0);
            let layout = Layout::from_size_align(new_size, layout.align()).expect("a layout");
            heap.free(NONE, at, layout).expect("live");
        }
    }
    assert_eq!((heap.stats().live_blocks, heap.stats().live), (0, 0));
}

#[test]
fn too_much_is_an_error() {
    let heap = MallocAllocator::new(AllocatorId::new(1, 3));
    let huge = Layout::from_size_align(isize::MAX as usize - 7, 8).expect("a layout");
    assert!(matches!(heap.allocate(NONE, huge), Err(AllocError::Full { .. })));
    let small = Layout::new::<u64>();
    let at = heap.allocate(NONE, small).expect("memory");
    // SAFETY: the block stays live until it is freed.
    unsafe {
        assert!(heap.reallocate(NONE, at, small, usize::MAX).is_err());
        assert!(heap.reallocate(NONE, at, small, isize::MAX as usize - 7).is_err());
        heap.free(NONE, at, small).expect("still live");
    }
}
