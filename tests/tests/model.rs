//! Random sequences of calls against the model, on every allocator.
//!
//! - live blocks never overlap, are aligned and keep their contents;
//! - a failed call changes nothing;
//! - statistics add up;
//! - everything freed gives the segment back.

use std::alloc::Layout;

use anymem_core::allocator::{Allocator, ScalablePageAllocator, ThreadLocalAllocator};
use anymem_core::backend::ArrayBackend;
use anymem_core::offset::AllocatorId;
use anymem_core::segment::Config;
use anymem_core::thread::{Bare, Context};
use anymem_tests::ShadowHeap;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    Allocate { size: usize, align_log2: u32 },
    Zeroed { size: usize },
    Free { index: usize },
    Reallocate { index: usize, size: usize },
}

/// Mostly small sizes, some of several slabs, a few as large as the heap.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![
        8 => 0_usize..200,
        4 => 0_usize..5000,
        2 => 0_usize..70_000,
        1 => 0_usize..1_200_000,
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (size(), 0_u32..8).prop_map(|(size, align_log2)| Op::Allocate { size, align_log2 }),
        1 => (size(), 0_u32..18).prop_map(|(size, align_log2)| Op::Allocate { size, align_log2 }),
        1 => size().prop_map(|size| Op::Zeroed { size }),
        5 => any::<usize>().prop_map(|index| Op::Free { index }),
        2 => (any::<usize>(), size()).prop_map(|(index, size)| Op::Reallocate { index, size }),
    ]
}

fn apply(
    shadow: &mut ShadowHeap,
    heap: &dyn Allocator,
    contexts: &[Context],
    turn: usize,
    op: &Op,
) {
    let context = contexts[turn % contexts.len()];
    match *op {
        Op::Allocate { size, align_log2 } => {
            let layout = Layout::from_size_align(size, 1 << align_log2).unwrap();
            let _ = shadow.allocate(heap, context, layout);
        }
        Op::Zeroed { size } => {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let _ = shadow.allocate_zeroed(heap, context, layout);
        }
        Op::Free { index } => {
            shadow.free_nth(heap, context, index);
        }
        Op::Reallocate { index, size } => {
            let _ = shadow.reallocate_nth(heap, context, index, size);
        }
    }
}

/// Runs `ops` in turn through `contexts`, and checks what must hold at the end.
fn run(heap: &dyn Allocator, contexts: &[Context], ops: &[Op], check: &dyn Fn()) {
    let mut shadow = ShadowHeap::new();
    for (turn, op) in ops.iter().enumerate() {
        apply(&mut shadow, heap, contexts, turn, op);
    }
    check();
    shadow.check_all(heap);
    let stats = heap.stats();
    assert_eq!(stats.live_blocks, shadow.len(), "{stats:?}");
    assert!(stats.live >= shadow.bytes());
    assert_eq!(stats.double_frees, 0);
    shadow.free_all(heap, contexts[0]);
    check();
    assert_eq!(heap.stats().live_blocks, 0);
}

fn aligned_memory(len: usize) -> Vec<u8> {
    // What was there before must not matter.
    vec![0xa5; len]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 1000 }))]

    #[test]
    fn thread_local_in_one_megabyte(ops in prop::collection::vec(op(), 1..400)) {
        let mut memory = aligned_memory(2 << 20);
        let backend = ArrayBackend::<65536>::new(&mut memory);
        let heap: ThreadLocalAllocator<_> =
            ThreadLocalAllocator::create(backend, Bare, &Config::new(AllocatorId::new(1, 0)).slots(3)).unwrap();
        let contexts = [heap.create_tls().unwrap(), heap.create_tls().unwrap(), Context::DEFAULT];
        run(&heap, &contexts, &ops, &|| heap.check().unwrap());
        for context in &contexts[..2] {
            // SAFETY: the contexts are not used afterwards.
            unsafe { heap.free_tls(*context) };
        }
        heap.trim(Context::DEFAULT);
        prop_assert_eq!(heap.stats().slabs, 0, "everything was freed");
        let all = heap.stats().capacity;
        let layout = Layout::from_size_align(all, 16).unwrap();
        prop_assert!(heap.allocate(Context::DEFAULT, layout).is_ok(), "the segment is whole again");
    }

    #[test]
    fn thread_local_with_small_slabs(ops in prop::collection::vec(op(), 1..400)) {
        let mut memory = aligned_memory(300 << 10);
        let backend = ArrayBackend::<4096>::new(&mut memory);
        let heap = ThreadLocalAllocator::<_, _, 12>::create(backend, Bare, &Config::new(AllocatorId::new(1, 0)).slots(2)).unwrap();
        let contexts = [heap.create_tls().unwrap(), heap.create_tls().unwrap()];
        run(&heap, &contexts, &ops, &|| heap.check().unwrap());
    }

    #[test]
    fn scalable_page(ops in prop::collection::vec(op(), 1..400)) {
        let mut memory = aligned_memory(2 << 20);
        let backend = ArrayBackend::<65536>::new(&mut memory);
        let heap: ScalablePageAllocator<_> =
            ScalablePageAllocator::create(backend, Bare, &Config::new(AllocatorId::new(1, 0))).unwrap();
        run(&heap, &[Context::DEFAULT], &ops, &|| heap.check().unwrap());
        heap.trim();
        prop_assert_eq!(heap.stats().slabs, 0, "everything was freed");
    }
}
