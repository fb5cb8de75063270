//! The space behind slabs: zeroed where it must be, given back in time.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anymem_core::allocator::{LocalHeap, ThreadLocalAllocator};
use anymem_core::backend::Backend;
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Config;
use anymem_core::thread::{Bare, Liveness, Owner, ThreadId, ThreadModel, TlsError, TlsKey};

const SLAB: usize = 4096;
const LEN: usize = 4 << 20;

/// Zeroed pages that can be given back.
struct Pages {
    base: NonNull<u8>,
    decommitted: AtomicUsize,
}

const PAGES: Layout = match Layout::from_size_align(LEN, SLAB) {
    Ok(layout) => layout,
    Err(_) => panic!("4 MiB is a size"),
};

impl Pages {
    fn new() -> Self {
        // SAFETY: the layout has a size.
        let base = NonNull::new(unsafe { alloc_zeroed(PAGES) }).unwrap();
        Self { base, decommitted: AtomicUsize::new(0) }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: allocated with that layout in `new`.
        unsafe { dealloc(self.base.as_ptr(), PAGES) };
    }
}

// SAFETY: the pages are this backend's, which tells where they are only.
unsafe impl Send for Pages {}
// SAFETY: as for `Send`.
unsafe impl Sync for Pages {}

// SAFETY: the pages stay where they are for as long as the backend lives.
unsafe impl Backend for Pages {
    const ALIGN: usize = SLAB;

    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn len(&self) -> usize {
        LEN
    }

    fn zeroed(&self) -> bool {
        true
    }

    fn decommit(&self, at: Offset, len: usize) -> bool {
        assert!(at.get() + len <= LEN);
        // SAFETY: within the pages; the contents are the caller's to discard.
        unsafe { self.base.add(at.get()).write_bytes(0, len) };
        self.decommitted.fetch_add(len, Ordering::Relaxed);
        true
    }
}

/// One process, and a clock that is set by hand.
#[derive(Default)]
struct Clocked {
    millis: AtomicU64,
}

impl Liveness for Clocked {
    fn is_alive(&self, owner: Owner) -> bool {
        Bare.is_alive(owner)
    }
}

impl ThreadModel for Clocked {
    fn clock(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.millis.load(Ordering::Relaxed)))
    }

    fn thread_id(&self) -> ThreadId {
        Bare.thread_id()
    }

    fn owner(&self) -> Owner {
        Bare.owner()
    }

    fn yield_now(&self) {
        Bare.yield_now();
    }

    fn sleep(&self, time: Duration) {
        Bare.sleep(time);
    }

    fn create_tls(
        &self,
        on_exit: Option<unsafe extern "C" fn(*mut c_void)>,
    ) -> Result<TlsKey, TlsError> {
        Bare.create_tls(on_exit)
    }

    fn destroy_tls(&self, key: TlsKey) -> Result<(), TlsError> {
        Bare.destroy_tls(key)
    }

    fn get_tls(&self, key: TlsKey) -> *mut c_void {
        Bare.get_tls(key)
    }

    fn set_tls(&self, key: TlsKey, value: *mut c_void) -> Result<(), TlsError> {
        Bare.set_tls(key, value)
    }
}

type Heap = ThreadLocalAllocator<Pages, Clocked, 12>;
type Local<'a> = LocalHeap<'a, Pages, Clocked, 12>;

fn heap(decay: Duration) -> Heap {
    let config = Config::new(AllocatorId::new(0, 80)).slots(2).decay(decay);
    Heap::create(Pages::new(), Clocked::default(), &config).unwrap()
}

fn local(heap: &Heap) -> Local<'_> {
    use anymem_core::allocator::Allocator;
    heap.local(heap.create_tls().unwrap()).unwrap()
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 16).unwrap()
}

fn free(heap: &Local<'_>, block: NonNull<u8>, size: usize) {
    // SAFETY: the tests free what they allocated with that size, once.
    unsafe { heap.free(block, layout(size)) }.unwrap();
}

fn is_zero(block: NonNull<u8>, size: usize) -> bool {
    // SAFETY: the tests ask it of live blocks of that size.
    unsafe { std::slice::from_raw_parts(block.as_ptr(), size) }.iter().all(|&byte| byte == 0)
}

#[test]
fn zeroed_blocks_are_zero_whatever_was_there() {
    let heap = heap(Duration::ZERO);
    let local = local(&heap);
    for round in 0..4 {
        for size in [64, 1000, SLAB, SLAB + 1, 10 * SLAB, 100 * SLAB] {
            let block = local.allocate_zeroed(layout(size)).unwrap();
            assert!(is_zero(block, size), "{size} bytes in round {round}");
            // SAFETY: the block has that many bytes.
            unsafe { block.write_bytes(0xa5, size) };
            free(&local, block, size);
        }
        if round == 1 {
            local_trim(&heap);
        }
    }
}

fn local_trim(heap: &Heap) {
    assert!(heap.trim(anymem_core::thread::Context::DEFAULT) > 0);
}

/// Frees something, which is when the heap is looked through.
fn tick(local: &Local<'_>, to: u64, clock: &Clocked) {
    clock.millis.store(to, Ordering::Relaxed);
    let block = local.allocate(layout(2 * SLAB)).unwrap();
    free(local, block, 2 * SLAB);
}

#[test]
fn a_resident_heap_gives_nothing_back() {
    let config = Config::new(AllocatorId::new(0, 81)).slots(2).decay(Duration::from_millis(1));
    let heap = Heap::create(Pages::new(), Clocked::default(), &config.resident(true)).unwrap();
    let (local, clock) = (local(&heap), heap.segment().model());
    let block = local.allocate(layout(200 * SLAB)).unwrap();
    free(&local, block, 200 * SLAB);
    for now in [100, 200, 300] {
        tick(&local, now, clock);
    }
    assert_eq!(heap.trim(anymem_core::thread::Context::DEFAULT), 0);
    assert_eq!(heap.backend().decommitted.load(Ordering::Relaxed), 0);
}

#[test]
fn what_rests_goes_back_after_a_while() {
    let heap = heap(Duration::from_millis(100));
    let (local, clock) = (local(&heap), heap.segment().model());
    let given_back = || heap.backend().decommitted.load(Ordering::Relaxed);
    let (kept, freed) = [0; 2].map(|_| local.allocate(layout(200 * SLAB)).unwrap()).into();
    free(&local, freed, 200 * SLAB);
    for now in [100, 150, 199] {
        tick(&local, now, clock);
        assert_eq!(given_back(), 0, "it has not rested for a whole period");
    }
    tick(&local, 200, clock);
    let after = given_back();
    assert!((190 * SLAB..=200 * SLAB).contains(&after), "{after}");
    tick(&local, 1000, clock);
    tick(&local, 2000, clock);
    assert!(given_back() <= 202 * SLAB, "what is gone does not go again");
    free(&local, kept, 200 * SLAB);
}

#[test]
fn nothing_goes_back_if_that_is_not_wanted() {
    let heap = heap(Duration::ZERO);
    let (local, clock) = (local(&heap), heap.segment().model());
    let block = local.allocate(layout(200 * SLAB)).unwrap();
    free(&local, block, 200 * SLAB);
    (1..10).for_each(|seconds| tick(&local, seconds * 1000, clock));
    assert_eq!(heap.backend().decommitted.load(Ordering::Relaxed), 0);
}

/// A block that grows again and again is copied a few times only.
#[test]
fn a_growing_block_stays_where_it_has_room() {
    let heap = heap(Duration::ZERO);
    let local = local(&heap);
    let mut block = local.allocate(layout(64)).unwrap();
    let (mut size, mut moves) = (64, 0);
    while size < 64 * SLAB {
        // SAFETY: a live block of that size.
        let grown = unsafe { local.reallocate(block, layout(size), 2 * size) }.unwrap();
        moves += usize::from(size >= SLAB && grown != block);
        (block, size) = (grown, 2 * size);
    }
    assert!(moves <= 2, "{moves} moves of whole slabs");
    free(&local, block, size);
}

/// The last block grows into slabs that nobody has ever used, as far as there are any.
#[test]
fn the_last_block_grows_past_what_was_used() {
    use anymem_core::allocator::Allocator;
    let heap = heap(Duration::ZERO);
    let local = local(&heap);
    let resize = |block: NonNull<u8>, old: usize, new: usize| {
        // SAFETY: a live block of that size.
        unsafe { local.reallocate(block, layout(old * SLAB), new * SLAB) }
    };
    let [first, last] = [0; 2].map(|_| local.allocate(layout(20 * SLAB)).unwrap());
    let known = heap.stats().committed;
    // SAFETY: the block has as many bytes.
    unsafe { last.write_bytes(7, 20 * SLAB) };
    assert_eq!(resize(last, 20, 700), Ok(last));
    assert_eq!(resize(last, 700, 900), Ok(last));
    // SAFETY: as above.
    let bytes = unsafe { std::slice::from_raw_parts(last.as_ptr(), 20 * SLAB) };
    assert!(bytes.iter().all(|&byte| byte == 7));
    assert!(resize(last, 900, 1024).is_err(), "no heap has so many slabs here");
    // With a guard behind each block where they are hardened.
    assert!((920..=922).contains(&heap.stats().span_slabs));
    assert!(heap.stats().committed > known + 880 * SLAB);
    heap.check().unwrap();

    assert_eq!(resize(last, 900, 20), Ok(last));
    let moved = resize(first, 20, 40).unwrap();
    assert_ne!(moved, first, "the other is in the way");
    free(&local, moved, 40 * SLAB);
    free(&local, last, 20 * SLAB);
    assert_eq!(heap.stats().live, 0);
    heap.check().unwrap();
}
