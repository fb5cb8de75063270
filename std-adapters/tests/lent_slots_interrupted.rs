//! Heap slots lent to a thread and to the signal handlers that interrupt it, as a kernel's
//! interrupt handlers do.
#![cfg(unix)]

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use anymem::allocator::{Allocator, LentSlots, ThreadLocalAllocator};
use anymem::backend::MmapBackend;
use anymem::offset::{AllocatorId, Offset};
use anymem::segment::Config;
use anymem::thread::{Context, SystemModel};

/// Two places, so that handlers also find both lent.
type Heap = LentSlots<ThreadLocalAllocator<MmapBackend, SystemModel>, 2>;

static HEAP: OnceLock<Heap> = OnceLock::new();

/// How often the thread is interrupted in the midst of a call.
const ENOUGH: usize = if cfg!(debug_assertions) { 300 } else { 3000 };

static INTERRUPTED: AtomicUsize = AtomicUsize::new(0);
static IN_THE_MIDST: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether the thread is in the midst of a call.
    static CALLING: Cell<bool> = const { Cell::new(false) };
}

/// Blocks that a handler left for later ones, by their offsets; the one at index n has
/// `size(n)` bytes, all of them n.
static LEFT: [AtomicUsize; 32] = [const { AtomicUsize::new(0) }; 32];

fn size(index: usize) -> usize {
    1 + index * index * 7
}

fn layout(index: usize) -> Layout {
    Layout::from_size_align(size(index), 8).unwrap()
}

fn allocate(heap: &Heap, index: usize) -> Offset {
    let at = heap.allocate(Context::DEFAULT, layout(index)).unwrap();
    let start = heap.resolve(at, size(index)).unwrap();
    // SAFETY: just allocated with that size.
    unsafe { start.write_bytes(index as u8, size(index)) };
    at
}

fn free(heap: &Heap, at: Offset, index: usize) {
    let start = heap.resolve(at, size(index)).unwrap();
    // SAFETY: the block is in use, was asked for with that layout, and is the caller's.
    unsafe {
        let bytes = std::slice::from_raw_parts(start.as_ptr(), size(index));
        assert!(bytes.iter().all(|byte| *byte == index as u8), "somebody else has the block");
        heap.free(Context::DEFAULT, at, layout(index)).unwrap();
    }
}

/// Puts a new block in the place of what was left there before.
fn exchange(heap: &Heap, index: usize) {
    let before = LEFT[index].swap(allocate(heap, index).get(), Relaxed);
    if before != 0 {
        free(heap, Offset::new(before), index);
    }
}

extern "C" fn interrupt(_: i32) {
    let heap = HEAP.get().expect("made before");
    let count = INTERRUPTED.load(Relaxed);
    for index in 0..3 {
        exchange(heap, (count * 3 + index) % LEFT.len());
    }
    IN_THE_MIDST.fetch_add(CALLING.get().into(), Relaxed);
    INTERRUPTED.store(count + 1, Relaxed);
}

/// Interrupts `thread` until `done`, each time after the last handler has returned.
fn disturb(thread: libc::pthread_t, done: &AtomicBool) {
    while !done.load(Relaxed) {
        let before = INTERRUPTED.load(Relaxed);
        // SAFETY: the thread waits for this one to end.
        unsafe { libc::pthread_kill(thread, libc::SIGUSR1) };
        while INTERRUPTED.load(Relaxed) == before {
            thread::yield_now();
        }
    }
}

fn install() {
    // SAFETY: the handler uses only what signals may interrupt; the structure outlives the
    // call.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = interrupt as *const () as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()), 0);
    }
}

/// Allocates and frees until it was interrupted in the midst of that often enough.
fn work(heap: &Heap) {
    let mut own = Vec::new();
    for turn in 0.. {
        let index = turn % LEFT.len();
        CALLING.set(true);
        own.push((allocate(heap, index), index));
        if own.len() > 50 {
            let (at, index) = own.swap_remove(turn % 50);
            free(heap, at, index);
        }
        CALLING.set(false);
        if IN_THE_MIDST.load(Relaxed) >= ENOUGH {
            break;
        }
    }
    own.into_iter().for_each(|(at, index)| free(heap, at, index));
}

#[test]
fn a_handler_may_call_in_the_midst_of_a_call() {
    let memory = MmapBackend::new(64 << 20).unwrap();
    let config = Config::new(AllocatorId::new(78, 1));
    let heap = ThreadLocalAllocator::create(memory, SystemModel, &config).unwrap();
    let heap = HEAP.get_or_init(|| LentSlots::new(heap));
    install();
    let done = AtomicBool::new(false);
    // SAFETY: takes nothing.
    let this = unsafe { libc::pthread_self() };
    thread::scope(|scope| {
        scope.spawn(|| disturb(this, &done));
        work(heap);
        done.store(true, Relaxed);
    });
    for (index, left) in LEFT.iter().enumerate().filter(|(_, left)| left.load(Relaxed) != 0) {
        free(heap, Offset::new(left.load(Relaxed)), index);
    }
    assert_eq!(heap.release(), 2, "handlers found another place");
    assert_eq!((heap.stats().live_blocks, heap.stats().double_frees), (0, 0));
    heap.allocator().check().unwrap();
}
