//! Hardened heaps: what is done wrong with a block is found when it is freed or
//! resized, whoever does it and however it was allocated.
#![cfg(feature = "secure")]

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anymem_core::allocator::{AllocError, Allocator, FreeError, ThreadLocalAllocator};
use anymem_core::backend::{ArrayBackend, Backend};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Config;
use anymem_core::thread::{Bare, Context};
use proptest::prelude::*;

const SIZES: [usize; 12] = [0, 1, 7, 8, 9, 24, 100, 1000, 4088, 4089, 10_000, 100_000];

/// Bytes of the largest block that is no whole slabs.
const LARGEST: usize = 4088;

type Heap<B> = ThreadLocalAllocator<B, Bare, 12>;

fn heap_of<B: Backend>(backend: B, secret: u64) -> Heap<B> {
    let config = Config::new(AllocatorId::new(0, 90)).slots(3).secret(secret);
    Heap::create(backend, Bare, &config).unwrap()
}

fn heap(memory: &mut [u8]) -> Heap<ArrayBackend<'_, 4096>> {
    heap_of(ArrayBackend::new(memory), 0x1234_5678_9abc_def0)
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

fn bytes(heap: &dyn Allocator, at: Offset, size: usize) -> NonNull<u8> {
    heap.resolve(at, size).unwrap()
}

/// Adds to the byte that is `distance` behind the start of a block.
fn spoil(heap: &dyn Allocator, at: Offset, distance: usize) {
    let byte = bytes(heap, at, distance + 1);
    // SAFETY: inside the heap; nobody else uses the block or the next one.
    unsafe {
        let byte = byte.add(distance);
        byte.write(byte.read().wrapping_add(1));
    }
}

/// Calls `test` with a heap and each way to free in it: through a slot, through
/// another slot, without one; with the layout, and by the offset alone.
fn in_every_way(test: impl Fn(&dyn Allocator, Context, &dyn Fn(Offset, Layout) -> Freed)) {
    let mut memory = vec![0_u8; 4 << 20];
    for way in 0..4 {
        let heap = heap(&mut memory);
        let [own, other] = [0; 2].map(|_| heap.create_tls().unwrap());
        // SAFETY: each test says what it does wrong, if anything.
        let free = |at, layout: Layout| unsafe {
            match way {
                0 => heap.free(own, at, layout),
                1 => heap.free(other, at, layout),
                2 => heap.free(Context::DEFAULT, at, layout),
                _ => heap.local(own).unwrap().free_unsized(bytes(&heap, at, 0)),
            }
        };
        test(&heap, own, &free);
        test(&heap, Context::DEFAULT, &free);
        heap.check().unwrap();
    }
}

type Freed = Result<(), FreeError>;

#[test]
fn a_block_is_freed_once() {
    in_every_way(|heap, context, free| {
        for size in SIZES {
            let before = heap.stats().double_frees;
            let at = heap.allocate(context, layout(size)).unwrap();
            assert_eq!(free(at, layout(size)), Ok(()));
            // The slabs of a large block are no block any more.
            let seen = if size > LARGEST { FreeError::NotABlock } else { FreeError::DoubleFree };
            assert_eq!(free(at, layout(size)), Err(seen), "{size}");
            assert!(size > LARGEST || heap.stats().double_frees == before + 1);
            let [one, other] = [0; 2].map(|_| heap.allocate(context, layout(size)).unwrap());
            assert_ne!(one, other, "{size} bytes, twice");
            assert_eq!([one, other].map(|at| free(at, layout(size))), [Ok(()); 2]);
        }
    });
}

#[test]
fn a_byte_too_many_is_found() {
    in_every_way(|heap, context, free| {
        for size in SIZES {
            for distance in [0, 1, 3, 7] {
                let before = heap.stats();
                let at = heap.allocate(context, layout(size)).unwrap();
                spoil(heap, at, size + distance);
                let Err(FreeError::Overflow { size: told }) = free(at, layout(size)) else {
                    panic!("{size} bytes and {distance} went unseen");
                };
                assert!(told >= size && told <= size + size / 7 + 16, "{told} for {size}");
                assert_eq!(heap.stats().overflows, before.overflows + 1);
                // Nobody gets it any more.
                assert_eq!(heap.stats().live_blocks, before.live_blocks + 1);
                let next = heap.allocate(context, layout(size)).unwrap();
                assert_ne!(next, at);
                assert_eq!(free(next, layout(size)), Ok(()));
            }
        }
    });
}

#[test]
fn what_was_asked_for_may_be_written() {
    in_every_way(|heap, context, free| {
        for size in (0..600).chain(SIZES) {
            for align in [1, 16, 64, 4096] {
                let layout = Layout::from_size_align(size, align).unwrap();
                for zeroed in [false, true] {
                    let at = if zeroed {
                        heap.allocate_zeroed(context, layout)
                    } else {
                        heap.allocate(context, layout)
                    };
                    let (at, start) = at.map(|at| (at, bytes(heap, at, size))).unwrap();
                    assert!(start.addr().get().is_multiple_of(align));
                    // SAFETY: the block is live.
                    assert_eq!(unsafe { heap.usable_size(at, layout) }, size);
                    // SAFETY: the block is that long.
                    unsafe {
                        let zeroes = (0..size).all(|byte| start.add(byte).read() == 0);
                        assert!(zeroes || !zeroed);
                        start.write_bytes(0xff, size);
                    }
                    assert_eq!(free(at, layout), Ok(()), "{layout:?}");
                }
            }
        }
        assert_eq!((heap.stats().overflows, heap.stats().double_frees), (0, 0));
    });
}

#[test]
fn what_cannot_be_freed_cannot_be_resized() {
    in_every_way(|heap, context, free| {
        for size in SIZES {
            // In place, further up, further down.
            for new in [size, size + 1, size + 10_000, size / 2] {
                let at = heap.allocate(context, layout(size)).unwrap();
                spoil(heap, at, size);
                // SAFETY: not sound for its end, which is what is tried.
                let resized = unsafe { heap.reallocate(context, at, layout(size), new) };
                assert!(
                    matches!(resized, Err(AllocError::BadBlock(FreeError::Overflow { .. }))),
                    "{size} to {new}: {resized:?}"
                );
            }
            let at = heap.allocate(context, layout(size)).unwrap();
            assert_eq!(free(at, layout(size)), Ok(()));
            // SAFETY: not sound, for it is free, which is what is tried.
            let resized = unsafe { heap.reallocate(context, at, layout(size), size + 1) };
            assert!(
                matches!(
                    resized,
                    Err(AllocError::BadBlock(FreeError::DoubleFree | FreeError::NotABlock))
                ),
                "{size}: {resized:?}"
            );
        }
    });
}

#[test]
fn a_resized_block_ends_where_it_was_resized_to() {
    in_every_way(|heap, context, free| {
        for size in SIZES {
            for new in [size + 1, size + 7, size.saturating_sub(1), 3 * size, size / 3] {
                let at = heap.allocate(context, layout(size)).unwrap();
                // SAFETY: just allocated with that layout.
                let at = unsafe { heap.reallocate(context, at, layout(size), new) }.unwrap();
                // SAFETY: the block is live.
                assert_eq!(unsafe { heap.usable_size(at, layout(new)) }, new);
                spoil(heap, at, new);
                assert!(
                    matches!(free(at, layout(new)), Err(FreeError::Overflow { .. })),
                    "{size} to {new}"
                );
            }
        }
    });
}

#[test]
fn addresses_where_no_block_starts_are_refused() {
    in_every_way(|heap, context, free| {
        let at = heap.allocate(context, layout(100)).unwrap();
        assert_eq!(free(at.add(16), layout(100)), Err(FreeError::NotABlock));
        assert_eq!(free(at.add(1), layout(100)), Err(FreeError::NotABlock));
        assert_eq!(free(at, layout(100)), Ok(()));
    });
}

#[test]
fn of_threads_that_free_a_block_one_does() {
    let mut memory = vec![0_u8; 4 << 20];
    let heap = heap(&mut memory);
    let freed = AtomicUsize::new(0);
    for size in [8, 100, 5000] {
        let blocks: Vec<_> =
            (0..100).map(|_| heap.allocate(Context::DEFAULT, layout(size)).unwrap()).collect();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let context = heap.create_tls().unwrap();
                    for &at in &blocks {
                        // SAFETY: nothing is allocated meanwhile; that both free
                        // the block is what is tried.
                        let result = unsafe { heap.free(context, at, layout(size)) };
                        freed.fetch_add(usize::from(result.is_ok()), Ordering::Relaxed);
                    }
                    // SAFETY: not used afterwards.
                    unsafe { heap.free_tls(context) };
                });
            }
        });
    }
    assert_eq!(freed.into_inner(), 300);
    assert_eq!(heap.stats().live_blocks, 0);
    heap.check().unwrap();
}

/// Where the first hundred blocks are.
fn places(secret: u64) -> Vec<usize> {
    let mut memory = vec![0_u8; 4 << 20];
    let heap = heap_of(ArrayBackend::<4096>::new(&mut memory), secret);
    let context = heap.create_tls().unwrap();
    (0..100).map(|_| heap.allocate(context, layout(20)).unwrap().get()).collect()
}

#[test]
fn the_order_of_blocks_follows_from_the_secret() {
    let order = places(1);
    assert_eq!(order, places(1));
    assert_ne!(order, places(2));
    let neighbours = order.windows(2).filter(|pair| pair[1] == pair[0] + 32).count();
    assert!(neighbours < 30, "{neighbours} of 99 are next to each other");
}

/// Memory whose pages can be guarded, as far as it remembers that they are.
struct Guarding<'a> {
    array: ArrayBackend<'a, 4096>,
    guarded: &'a Mutex<Vec<bool>>,
}

const PAGE: usize = 4096;

impl Guarding<'_> {
    fn set(&self, at: Offset, len: usize, guarded: bool) -> bool {
        assert!(at.get().is_multiple_of(PAGE) && len.is_multiple_of(PAGE) && len > 0);
        let mut pages = self.guarded.lock().unwrap();
        pages[at.get() / PAGE..(at.get() + len) / PAGE].fill(guarded);
        true
    }
}

// SAFETY: everything is the array's; the guards are a list of numbers.
unsafe impl Backend for Guarding<'_> {
    const ALIGN: usize = 4096;

    fn base(&self) -> NonNull<u8> {
        self.array.base()
    }

    fn len(&self) -> usize {
        self.array.len()
    }

    fn zeroed(&self) -> bool {
        false
    }

    fn decommit(&self, at: Offset, len: usize) -> bool {
        assert!(!self.touches(at, len), "guarded slabs are in use");
        false
    }

    fn guard_size(&self) -> usize {
        PAGE
    }

    fn guard(&self, at: Offset, len: usize) -> bool {
        self.set(at, len, true)
    }

    fn unguard(&self, at: Offset, len: usize) -> bool {
        self.set(at, len, false)
    }
}

impl Guarding<'_> {
    /// Whether a guard is among `len` bytes at `at`.
    fn touches(&self, at: Offset, len: usize) -> bool {
        let pages = self.guarded.lock().unwrap();
        pages[at.get() / PAGE..(at.get() + len).div_ceil(PAGE)].contains(&true)
    }

    /// Whether the page behind `len` bytes at `at`, and their seal, is guarded.
    fn is_behind(&self, at: Offset, len: usize) -> bool {
        let end = (at.get() + len + 8).next_multiple_of(16).next_multiple_of(PAGE);
        self.guarded.lock().unwrap()[end / PAGE]
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// No guard is on a block, one is behind every large block, and none is left.
    #[test]
    fn guards_are_behind_large_blocks_alone(
        calls in prop::collection::vec((0_u8..8, any::<usize>(), 0_usize..60_000), 1..150),
    ) {
        let mut memory = vec![0_u8; 2 << 20];
        let guarded = Mutex::new(vec![false; (2 << 20) / PAGE]);
        let array = ArrayBackend::new(&mut memory);
        let heap = heap_of(Guarding { array, guarded: &guarded }, 5);
        let contexts = [heap.create_tls().unwrap(), Context::DEFAULT];
        let mut live: Vec<(Offset, usize)> = Vec::new();
        for (kind, which, size) in calls {
            let context = contexts[which % 2];
            match kind {
                0..4 => {
                    let size = if kind == 0 { size % 100 } else { size };
                    let block = if kind == 1 {
                        heap.allocate_zeroed(context, layout(size))
                    } else {
                        heap.allocate(context, layout(size))
                    };
                    live.extend(block.ok().map(|at| (at, size)));
                }
                4..6 if !live.is_empty() => {
                    let (at, size) = live.swap_remove(which % live.len());
                    // SAFETY: the block is live.
                    prop_assert_eq!(unsafe { heap.free(context, at, layout(size)) }, Ok(()));
                }
                6 if !live.is_empty() => {
                    let (at, old) = live.swap_remove(which % live.len());
                    // SAFETY: the block is live.
                    let moved = unsafe { heap.reallocate(context, at, layout(old), size) };
                    live.push(moved.map_or((at, old), |at| (at, size)));
                }
                _ => {
                    heap.trim(context);
                }
            }
            for &(at, size) in &live {
                prop_assert!(!heap.backend().touches(at, size.max(1)));
                prop_assert!(size <= LARGEST || heap.backend().is_behind(at, size));
            }
        }
        for (at, size) in live {
            // SAFETY: the block is live.
            prop_assert_eq!(unsafe { heap.free(contexts[0], at, layout(size)) }, Ok(()));
        }
        prop_assert!(!guarded.lock().unwrap().contains(&true), "a guard is left");
        heap.check().unwrap();
        prop_assert_eq!(heap.stats().overflows + heap.stats().bad_entries, 0);
    }
}
