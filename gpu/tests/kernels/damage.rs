//! Words of a heap that are wrong: kernels say so, and touch nothing outside.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use anymem_core::allocator::Allocator;
use anymem_core::offset::Offset;

use super::*;

impl Both {
    /// The word at an offset of the heap.
    fn word(&self, at: u64) -> &AtomicU64 {
        let place = self.heap.resolve(Offset::new(at as usize), 8).expect("in the heap");
        // SAFETY: in the heap and a multiple of 8; all that use it do so by atomics meanwhile.
        unsafe { AtomicU64::from_ptr(place.as_ptr().cast()) }
    }

    fn offset_of<T>(&self, value: &T) -> u64 {
        self.heap.offset_of(NonNull::from(value).cast()).expect("in the heap").get() as u64
    }

    /// Writes a word, has `look` look, and writes what was there before.
    fn with<R>(&self, at: u64, value: u64, look: impl FnOnce() -> R) -> R {
        let before = self.word(at).swap(value, Ordering::SeqCst);
        let seen = look();
        self.word(at).store(before, Ordering::SeqCst);
        seen
    }
}

#[test]
fn a_list_that_leads_astray_is_told() {
    let Some(both) = Both::of_this_process() else { return };
    let list = both.list(&[1, 2, 3]);
    let (at, len) = (both.offset_of(&*list), both.there().len());
    let words = ShmList::<u64>::WORDS;
    let head = both.word(at + words.head as u64).load(Ordering::SeqCst);
    let sum = || both.kernels.list_sum(&both.stream, both.there(), &list);
    let with_head = |value| both.with(at + words.head as u64, value, sum);
    for outside in [len, len - 16, len + 8, !7, 1 << 63] {
        assert_eq!(with_head(outside), Err(KernelError::OutOfHeap { at: outside }));
    }
    assert_eq!(with_head(head + 4), Err(KernelError::Misaligned { at: head + 4 }));
    // The first node names itself.
    let endless = both.with(head + words.next as u64, head, sum);
    assert_eq!(endless, Err(KernelError::Endless { at: head }));
    // However long the list says it is.
    let endless = both.with(at + words.len as u64, u64::MAX, || both.with(head, head, sum));
    assert_eq!(endless, Err(KernelError::Endless { at: head }));
    assert_eq!(sum().expect("as it was").value, 6);
}

#[test]
fn a_vector_that_is_larger_than_its_block_is_told() {
    let Some(both) = Both::of_this_process() else { return };
    let vec = both.vec(&[1, 2, 3]);
    let (at, len) = (both.offset_of(&*vec), both.there().len());
    let words = ShmVec::<u64>::WORDS;
    let sum = || both.kernels.vec_sum(&both.stream, both.there(), &vec);
    let moving = both.with(at + words.len as u64, 3 | 1 << 63, sum);
    assert_eq!(moving, Err(KernelError::Damaged { at }));
    let shrunk = both.with(at + words.capacity as u64, 2, sum);
    assert_eq!(shrunk, Err(KernelError::Damaged { at }));
    for astray in [0, len, len - 16, !7] {
        let astray_sum = both.with(at + words.at as u64, astray, sum);
        assert_eq!(astray_sum, Err(KernelError::OutOfHeap { at: astray }));
    }
    for more in [len, u64::MAX >> 3, 1 << 61, u64::MAX] {
        let larger = both.with(at + words.capacity as u64, u64::MAX, || {
            both.with(at + words.len as u64, more, sum)
        });
        let (outside, damaged) = (
            matches!(larger, Err(KernelError::OutOfHeap { .. })),
            Err(KernelError::Damaged { at }),
        );
        assert!(outside || larger == damaged, "{more:#x}: {larger:?}");
    }
    assert_eq!(sum().expect("as it was").value, 6);
}

#[test]
fn an_arena_that_counts_wrong_gives_nothing_of_others() {
    let Some(both) = Both::of_this_process() else { return };
    let arena = both.put(Arena::new_in(64, &*both.heap).expect("room"));
    let (chain, vec) = (both.put(Chain::new()), both.vec(&[1]));
    let used = both.offset_of(&*arena) + size_of::<Arena>() as u64 - 8;
    for wrong in [u64::MAX - 7, u64::MAX - 15, 1 << 63, 56, 64] {
        let built = both.with(used, wrong, || {
            both.kernels.chain_build(&both.stream, both.there(), (&chain, &arena), &vec)
        });
        assert_eq!(built, Err(KernelError::Full { done: 0 }), "{wrong:#x}");
    }
}

/// A value that somebody may find in a word.
fn wrong() -> impl Strategy<Value = u64> {
    let near = (0_u64..1 << 23, 0_u64..16).prop_map(|(at, more)| (at & !7) + more);
    prop_oneof![any::<u64>(), near, Just(0), Just(u64::MAX), (0_u32..64).prop_map(|bit| 1 << bit)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in the words of values, kernels end, with a result or an error, and the
    /// device lives on.
    #[test]
    fn no_word_leads_a_kernel_out_of_the_heap_in_software(
        changes in prop::collection::vec((0_usize..6, 0_u64..1480, wrong()), 1..6),
    ) {
        let device = Device::with_driver(SimDriver::new(Options { same_address: false, ..Options::default() }).expect("a driver"), 0);
        let both = Both::new(&device.expect("a device"));
        let arena = both.put(Arena::new_in(512, &*both.heap).expect("room"));
        let (chain, vec, list) = (both.put(Chain::new()), both.vec(&values(40)), both.list(&[1; 20]));
        let ring = both.put(ShmMpsc::<u64>::new_in(4, &*both.heap).expect("room"));
        chain.push(&arena, 5).expect("room");
        let block = both.word(both.offset_of(&*ring) + ShmMpsc::<u64>::WORDS.at as u64);
        let block = block.load(Ordering::SeqCst);
        let node = both.word(both.offset_of(&*list) + 8).load(Ordering::SeqCst);
        let starts = [
            (both.offset_of(&*arena), 56), (both.offset_of(&*chain), 8),
            (both.offset_of(&*vec), 48), (node, 24), (both.offset_of(&*ring), 24), (block, 1472),
        ];
        let kept: Vec<(u64, u64)> = changes.iter().map(|(which, at, value)| {
            let (start, bytes) = starts[*which];
            let at = start + at % bytes / 8 * 8;
            (at, both.word(at).swap(*value, Ordering::SeqCst))
        }).collect();
        let (kernels, stream, there) = (&both.kernels, &both.stream, both.there());
        let push = Push { tries: 3, ..Push::DEVICE_ONLY };
        // The heap's own words are as they were: what is asked of values are their offsets.
        let done = [
            kernels.vec_sum(stream, there, &vec).map(drop),
            kernels.list_sum(stream, there, &list).map(drop),
            kernels.chain_build(stream, there, (&chain, &arena), &vec).map(drop),
            kernels.chain_sum(stream, there, &chain).map(drop),
            kernels.ring_push(stream, there, &ring, &vec, push).map(drop),
        ];
        for outcome in done {
            prop_assert!(!matches!(outcome, Err(KernelError::Gpu(_) | KernelError::Unknown { .. })), "{:?}", outcome);
        }
        // The last change of a word was undone last, so the first one's memory counts.
        kept.iter().rev().for_each(|(at, value)| both.word(*at).store(*value, Ordering::SeqCst));
        both.kernels.device().synchronize().expect("alive");
        // What kernels changed meanwhile may be wrong: nobody drops it.
        std::mem::forget((arena, chain, vec, list, ring));
    }
}
