//! Random sequences of calls to a heap, and their run against the model.

use std::alloc::Layout;

use anymem_core::allocator::Allocator;
use anymem_core::thread::Context;
use proptest::prelude::*;

use crate::ShadowHeap;

/// A call.
#[derive(Debug, Clone)]
pub enum Op {
    /// Allocates.
    Allocate {
        /// Bytes.
        size: usize,
        /// Binary logarithm of the alignment.
        align_log2: u32,
    },
    /// Allocates zeroes.
    Zeroed {
        /// Bytes.
        size: usize,
    },
    /// Frees a live block.
    Free {
        /// Which one, modulo their number.
        index: usize,
    },
    /// Resizes a live block.
    Reallocate {
        /// Which one, modulo their number.
        index: usize,
        /// Bytes.
        size: usize,
    },
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

/// Any call.
pub fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        5 => (size(), 0_u32..8).prop_map(|(size, align_log2)| Op::Allocate { size, align_log2 }),
        1 => (size(), 0_u32..18).prop_map(|(size, align_log2)| Op::Allocate { size, align_log2 }),
        1 => size().prop_map(|size| Op::Zeroed { size }),
        5 => any::<usize>().prop_map(|index| Op::Free { index }),
        2 => (any::<usize>(), size()).prop_map(|(index, size)| Op::Reallocate { index, size }),
    ]
}

/// Any sequence of calls.
pub fn ops() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..400)
}

/// Makes one call.
pub fn apply(shadow: &mut ShadowHeap, heap: &dyn Allocator, context: Context, op: &Op) {
    match *op {
        Op::Allocate { size, align_log2 } => {
            let layout = Layout::from_size_align(size, 1 << align_log2).expect("in reason");
            let _ = shadow.allocate(heap, context, layout);
        }
        Op::Zeroed { size } => {
            let layout = Layout::from_size_align(size, 8).expect("in reason");
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

/// Runs `ops` through `ways` in turn (a view of the heap, and a context), and
/// checks what must hold at the end; everything is freed then.
pub fn run(ways: &[(&dyn Allocator, Context)], ops: &[Op], check: &dyn Fn()) {
    let mut shadow = ShadowHeap::new();
    for (turn, op) in ops.iter().enumerate() {
        let (heap, context) = ways[turn % ways.len()];
        apply(&mut shadow, heap, context, op);
    }
    check();
    for (heap, _) in ways {
        shadow.check_all(*heap);
        let stats = heap.stats();
        assert_eq!(stats.live_blocks, shadow.len(), "{stats:?}");
        assert!(stats.live >= shadow.bytes());
        assert!(stats.committed >= stats.live && stats.reserved >= stats.committed, "{stats:?}");
        assert_eq!(stats.double_frees, 0);
    }
    let (heap, context) = ways[ops.len() % ways.len()];
    shadow.free_all(heap, context);
    check();
    assert_eq!(heap.stats().live_blocks, 0);
}
