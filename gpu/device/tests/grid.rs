//! The kernels of `tests/device`, run by threads of the processor that stand in a simulated
//! grid: the model, and what the kernels do with it, are the device's; its hardware is not.

use std::ptr::NonNull;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use anymem_core::allocator::{Allocator, ThreadLocalAllocator};
use anymem_core::backend::{ArrayBackend, Backend};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Config;
use anymem_core::sync::{Arena, Bytes, RobustLock};
use anymem_core::thread::{Bare, Liveness, Owner, ThreadModel, TlsError};
use anymem_gpu_device::{GridModel, Hardware, Place};

#[path = "../../../tests/device/src/work.rs"]
mod work;

/// One thread of a grid, whose clock began with the test.
#[derive(Clone, Copy)]
struct Simulated {
    place: Place,
    start: Instant,
}

impl Hardware for Simulated {
    fn place(&self) -> Place {
        self.place
    }

    fn nap(&self) {
        std::thread::yield_now();
    }

    fn time(&self) -> Duration {
        self.start.elapsed()
    }
}

const HOST: Owner = Owner { pid: 17, start: 4 };
const BLOCKS: [u32; 3] = [2, 1, 2];
const THREADS: [u32; 3] = [2, 2, 1];
const GRID: usize = 16;

/// All points of a box, in no particular order.
fn points([x, y, z]: [u32; 3]) -> impl Iterator<Item = [u32; 3]> {
    (0..x).flat_map(move |x| (0..y).flat_map(move |y| (0..z).map(move |z| [x, y, z])))
}

fn places(blocks: [u32; 3], threads: [u32; 3]) -> impl Iterator<Item = Place> {
    points(blocks).flat_map(move |block| {
        points(threads).map(move |thread| Place { block, blocks, thread, threads })
    })
}

/// Runs a kernel: `each` in every thread of the grid, which all begin at once.
fn launch(each: impl Fn(GridModel<Simulated>) + Sync) {
    let (start, gate) = (Instant::now(), Barrier::new(GRID));
    std::thread::scope(|scope| {
        for place in places(BLOCKS, THREADS) {
            let model = GridModel::of(Simulated { place, start }, HOST);
            let (each, gate) = (&each, &gate);
            scope.spawn(move || {
                gate.wait();
                each(model);
            });
        }
    });
}

fn model() -> GridModel<Simulated> {
    let place = Place { block: [0; 3], blocks: [1; 3], thread: [0; 3], threads: [1; 3] };
    GridModel::of(Simulated { place, start: Instant::now() }, HOST)
}

/// Words for kernels that need no heap, all 0.
fn bytes(words: &mut [u128]) -> Bytes<'_> {
    let len = size_of_val(words);
    // SAFETY: borrowed for as long as the bytes are, and aligned to 16.
    unsafe { Bytes::new(NonNull::from(words).cast(), len) }
}

#[test]
fn threads_are_numbered_block_by_block() {
    for (blocks, threads) in [([1; 3], [1; 3]), ([3, 2, 4], [5, 1, 2]), ([7, 1, 1], [32, 1, 1])] {
        let mut numbers: Vec<u64> = places(blocks, threads).map(|it| it.number()).collect();
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{blocks:?} {threads:?}");
    }
    let place =
        Place { block: [1, 2, 0], blocks: [4, 3, 1], thread: [3, 0, 1], threads: [8, 1, 2] };
    assert_eq!(place.number(), (2 * 4 + 1) * 16 + 8 + 3);
    let most = [u32::MAX; 3];
    // No grid is so large; a device that says it is gets a number all the same.
    let _ = Place { block: most, blocks: most, thread: most, threads: most }.number();
}

#[test]
fn a_lock_makes_counting_one_step() {
    let mut words = [0; 4];
    let heap = bytes(&mut words);
    let (lock, count) = (Offset::new(16), Offset::new(32));
    launch(|model| (0..200).for_each(|_| work::count(heap, lock, count, &model)));
    assert_eq!(heap.word(count).load(Relaxed), GRID * 200);
    assert_eq!(heap.word(lock).load(Relaxed), 0);
}

#[test]
fn nothing_is_taken_from_who_may_live() {
    let mut words = [0; 4];
    let heap = bytes(&mut words);
    let lock = Offset::new(16);
    let other = Owner { pid: 18, start: 1 }.to_word();
    heap.word(lock).store(other, Relaxed);
    assert!(RobustLock::at(&heap, lock).try_acquire(HOST, &model()).is_none());
    assert_eq!(heap.word(lock).load(Relaxed), other);
}

#[test]
fn a_ring_has_the_numbers_of_all_threads() {
    let mut words = vec![0; 256];
    let heap = bytes(&mut words);
    let log = GRID.ilog2();
    let ring = Offset::new(64);
    launch(|model| {
        let ring = work::Numbers::new(&heap, ring, log).expect("there is room");
        assert!(ring.push(model.thread_id().0 as usize, &model));
    });
    let word = |index: usize| heap.word(ring.add(index * size_of::<usize>())).load(Relaxed);
    assert_eq!(word(0), GRID, "the tail");
    let mut values: Vec<_> = (0..GRID).map(|it| word(work::BEFORE_SLOTS + GRID + it)).collect();
    values.sort_unstable();
    assert!(values.into_iter().eq(0..GRID));
    let full = work::Numbers::new(&heap, ring, log).expect("it is the same");
    assert!(!full.push(0, &model()));
    // It took one seat, for the process.
    let seats = (3..work::BEFORE_SLOTS).map(word).filter(|seat| *seat != 0);
    assert!(seats.eq([HOST.to_word()]));
    assert!(work::Numbers::new(&heap, ring, 20).is_none(), "there is no room for it");
    assert!(work::Numbers::new(&heap, ring, 64).is_none(), "nor for that");
    assert!(work::Numbers::new(&heap, ring.add(1), log).is_none(), "words are aligned");
}

#[test]
fn each_thread_has_a_block_of_a_heap() {
    let mut memory = vec![0_u8; 4 << 20];
    let backend = ArrayBackend::<65536>::new(&mut memory);
    // SAFETY: the memory is there until the end of the test, and aligned to 65536.
    let bytes = unsafe { Bytes::new(backend.base(), backend.len()) };
    let config = Config::new(AllocatorId::new(0, 1));
    let heap = ThreadLocalAllocator::<_, _>::create(backend, Bare, &config).expect("it has room");
    let blocks = Mutex::new(Vec::new());
    launch(|model| {
        let number = model.thread_id().0;
        // SAFETY: it is a heap.
        let block = unsafe { work::allocate(bytes, model) };
        blocks.lock().expect("nobody panics").push((number, block));
    });
    for (number, block) in blocks.into_inner().expect("nobody panics") {
        assert!(!block.is_null());
        let at = heap.resolve(block, size_of::<u64>()).expect("it is in the heap");
        // SAFETY: the thread wrote a number there, and no other block is there.
        assert_eq!(unsafe { at.cast::<u64>().read() }, number);
    }
    assert_eq!(heap.check(), Ok(()));
}

#[test]
fn what_a_device_does_not_have_it_refuses() {
    let model = model();
    assert_eq!(model.create_tls(None), Err(TlsError::NoKeyLeft));
    assert_eq!(model.clock(), None);
    assert!(model.is_alive(Owner { pid: 1, start: 1 }));
}

#[test]
fn sleeping_takes_its_time_by_the_devices_clock() {
    let model = model().ahead(5_000_000_000);
    let before = model.clock().expect("it was said how far ahead");
    model.sleep(Duration::from_millis(2));
    let after = model.clock().expect("as before");
    assert!(before >= Duration::from_secs(5));
    assert!(after - before >= Duration::from_millis(2));
}
