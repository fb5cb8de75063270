//! What the test programs whose global allocator is a [`ShmAlloc`] do.
//!
//! The first argument names the part to play. A program that fails panics, or
//! is ended by a watchdog.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};

use anymem::container::{ShmBox, ShmSafe, ShmSlice, SliceError};
use anymem::observe::{Estimate, Tally};
use anymem::{SharedHeap, ShmAlloc};

use crate::{Random, in_posix_threads, in_threads, listen, tell, watchdog};

/// The name of the heap of the program `shm_alloc_named`, as it asks for it.
pub const NAMED_HEAP: &str = "test.shm-alloc.{pid}";

const PATIENCE: u32 = 600;

/// Plays the part that the first argument names.
pub fn main(heap: &'static ShmAlloc) {
    watchdog(PATIENCE);
    let part = std::env::args().nth(1).expect("a part to play");
    match part.as_str() {
        "status" => tell(&heap.status().map_or_else(|error| error.to_string(), |()| "ok".into())),
        "values" => values(heap),
        "layouts" => layouts(heap),
        "threads" => threads(heap),
        "forks" => forks(heap),
        "programs" => programs(),
        "leave" => leave(),
        "serve" => serve(heap),
        "lend" => lend(heap),
        "exhaust" => exhaust(heap),
        "again" => again(heap),
        "counts" => counts(heap),
        "profile" => profile(heap),
        part => panic!("no such part: {part}"),
    }
}

/// Ordinary collections, with what they should hold.
fn use_collections(seed: u64) {
    let mut random = Random::new(seed);
    let mut sorted = BTreeMap::new();
    let mut hashed: HashMap<String, Vec<u64>> = HashMap::new();
    for turn in 0..2000_u64 {
        let key = random.bits() % 300;
        hashed.entry(format!("key {key}")).or_default().push(turn);
        sorted.entry(key).or_insert_with(Vec::new).push(turn);
        if turn % 7 == 0 {
            let key = random.bits() % 300;
            assert_eq!(hashed.remove(&format!("key {key}")), sorted.remove(&key));
        }
    }
    for (key, list) in &sorted {
        assert_eq!(hashed.get(&format!("key {key}")), Some(list));
    }
    assert_eq!(hashed.len(), sorted.len());
}

fn values(heap: &ShmAlloc) {
    assert_eq!(heap.status(), Ok(()));
    use_collections(1);
    let before = heap.stats();
    assert!(before.live_blocks > 0 && before.committed > before.live, "{before:?}");
    for seed in 0..20 {
        use_collections(seed);
    }
    let after = heap.stats();
    assert_eq!(after.live_blocks, before.live_blocks, "everything was freed");
    assert_eq!(after.double_frees, 0);
    in_segment(heap);
}

/// Values of the heap are in the segment, others are not.
fn in_segment(heap: &ShmAlloc) {
    let list = vec![1_u64, 2, 3];
    let (there, len) = heap.full_slice(&list).expect("a vector is in the segment");
    assert_eq!((len, there.shm.allocator), (3, heap.id()));
    assert_eq!(heap.full_ptr(&list[2]).map(|it| it.shm.ptr.offset()), heap.offset_of(&list[2]));
    let on_the_stack = 7_u64;
    assert!(heap.full_ptr(&on_the_stack).is_none());
    assert!(heap.offset_of("a static").is_none(), "a static is not in the segment");
    assert!(heap.full_slice::<u64>(&[]).is_none());
}

/// Every size and alignment, by the allocator's own functions.
fn layouts(heap: &ShmAlloc) {
    let mut random = Random::new(5);
    let mut live: Vec<(*mut u8, Layout, u8)> = Vec::new();
    for turn in 0..30_000_usize {
        let most = [100, 3000, 100_000][random.below(20) / 9];
        let size = 1 + random.below(most);
        let layout = Layout::from_size_align(size, 1 << random.below(14)).expect("in reason");
        let tag = turn as u8;
        match random.below(5) {
            0 | 1 => {
                let zeroed = turn % 2 == 0;
                // SAFETY: the layout has a size.
                let block = unsafe { if zeroed { alloc_zeroed(layout) } else { alloc(layout) } };
                assert!(!block.is_null() && block.addr() % layout.align() == 0);
                assert!(heap.offset_of(block).is_some(), "it is in the segment");
                // SAFETY: the block is that long, and initialised if it is
                // looked at.
                unsafe {
                    let bytes = || slice::from_raw_parts(block, size);
                    assert!(!zeroed || bytes().iter().all(|&byte| byte == 0));
                    block.write_bytes(tag, size);
                }
                live.push((block, layout, tag));
            }
            2 if !live.is_empty() => {
                let (block, old, tag) = live.swap_remove(random.below(live.len()));
                // SAFETY: the block is live; `size` is one.
                let moved = unsafe { realloc(block, old, size) };
                let new = Layout::from_size_align(size, old.align()).expect("in reason");
                assert!(!moved.is_null() && moved.addr() % new.align() == 0);
                is_filled(moved, old.size().min(size), tag);
                // SAFETY: the block is that long.
                unsafe { moved.write_bytes(tag, size) };
                live.push((moved, new, tag));
            }
            _ if !live.is_empty() => {
                let (block, layout, tag) = live.swap_remove(random.below(live.len()));
                is_filled(block, layout.size(), tag);
                // SAFETY: the block is live, and forgotten.
                unsafe { dealloc(block, layout) };
            }
            _ => {}
        }
    }
    for (block, layout, tag) in live {
        is_filled(block, layout.size(), tag);
        // SAFETY: the block is live, and forgotten.
        unsafe { dealloc(block, layout) };
    }
}

fn is_filled(block: *const u8, len: usize, tag: u8) {
    // SAFETY: called for live blocks that were filled.
    let bytes = unsafe { slice::from_raw_parts(block, len) };
    assert!(bytes.iter().all(|&byte| byte == tag), "a block was overwritten");
}

thread_local! {
    /// Freed, and something else allocated, while a thread ends.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

struct Last(Vec<u64>);

impl Drop for Last {
    fn drop(&mut self) {
        assert_eq!(vec![7; 100], self.0);
    }
}

fn short_threads(count: usize) {
    for _ in 0..count / 8 {
        in_threads(8, live_shortly);
    }
}

fn live_shortly(number: usize) {
    LAST.set(Some(Last(vec![7; 100])));
    let text = format!("thread {number}: {}", "x".repeat(number * 300));
    let list: Vec<_> = (0..number as u64 * 50).collect();
    assert!(text.starts_with("thread") && list.len() == number * 50);
}

fn threads(heap: &ShmAlloc) {
    short_threads(200);
    let before = heap.stats();
    short_threads(10_000);
    let after = heap.stats();
    assert!(after.live_blocks <= before.live_blocks + 20, "{before:?} {after:?}");
    assert!(after.committed <= before.committed + (8 << 20), "{before:?} {after:?}");
    in_threads(4, |number| use_collections(number as u64));
    heap.trim();
    assert!(heap.stats().live_blocks <= before.live_blocks + 20);
}

/// Forks; the children have slots of their own.
fn forks(heap: &ShmAlloc) {
    let kept: Vec<String> = (0..1000).map(|number| format!("number {number}")).collect();
    let is_intact =
        || kept.iter().enumerate().all(|(number, text)| *text == format!("number {number}"));
    for round in 0..10 {
        let children: Vec<_> = (0..4)
            .map(|child| {
                // SAFETY: the child works on with its one thread, and ends.
                let pid = unsafe { libc::fork() };
                assert!(pid >= 0);
                if pid == 0 {
                    watchdog(PATIENCE);
                    use_collections(child);
                    in_posix_threads(3, |number| use_collections(number as u64));
                    (0..5).for_each(|_| in_posix_threads(8, live_shortly));
                    let own = heap.offset_of(&raw const *Box::new(child)).is_some();
                    let good = own && is_intact();
                    // SAFETY: ends the process, without what `main` has left to
                    // drop, which is the parent's.
                    unsafe { libc::_exit(i32::from(!good)) };
                }
                pid
            })
            .collect();
        in_threads(2, |number| use_collections(number as u64 + round));
        for pid in children {
            let mut status = 0;
            // SAFETY: waits for a child of this process.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            assert_eq!(status, 0, "a child failed in round {round}");
        }
        assert!(is_intact(), "a child changed the parent's values");
    }
    assert_eq!(heap.stats().double_frees, 0);
}

/// Starts other programs while threads allocate.
fn programs() {
    let done = AtomicBool::new(false);
    in_threads(3, |number| {
        if number > 0 {
            while !done.load(Ordering::Relaxed) {
                use_collections(number as u64);
            }
            return;
        }
        for _ in 0..30 {
            let output = Command::new("echo").arg("hello").output().expect("a program");
            assert_eq!(output.stdout, b"hello\n");
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// Ends while other threads are in the middle of allocating.
fn leave() {
    for number in 0..4 {
        std::thread::spawn(move || {
            loop {
                use_collections(number);
            }
        });
    }
    use_collections(9);
    tell("left");
}

/// Tells where some values are, and keeps them until it hears a line.
fn serve(heap: &ShmAlloc) {
    let numbers: Vec<u64> = (0..10_000).map(|number| number * number).collect();
    let text = "any ordinary text ".repeat(50);
    let boxed = Box::new([1.5_f64; 3]);
    let at = |place: *const u8| heap.offset_of(place).expect("in the segment");
    let file = heap.memory_file().map_or_else(String::new, |file| file.display().to_string());
    let places = [numbers.as_ptr().cast(), text.as_ptr(), boxed.as_ptr().cast()].map(at);
    let said = format!("{file} {} {} {}", places[0].get(), places[1].get(), places[2].get());
    // Its buffer is made now: who is told looks whether the heap is in order, in which a
    // step that is under way looks like a fault.
    drop(std::io::stdin().lock());
    tell(&said);
    assert_eq!(listen(), "thanks");
    assert!(numbers.len() == 10_000 && text.len() == 900 && boxed[2] > 1.0);
}

/// Lends views of some values to another process, in a heap that it names, until
/// it hears a line.
fn lend(heap: &ShmAlloc) {
    let numbers: Vec<u64> = (0..10_000).map(|number| number * number).collect();
    let text = "any ordinary text ".repeat(50).into_boxed_str();
    assert_eq!(heap.slice(&[1_u8, 2]), Err(SliceError::NotInHeap { heap: heap.id() }));
    let file = heap.memory_file().map_or_else(String::new, |file| file.display().to_string());
    tell(&file);
    let mailbox = SharedHeap::open(&listen()).expect("there");
    let lent = Lent {
        numbers: heap.slice(&numbers).expect("in the heap"),
        text: heap.slice(text.as_bytes()).expect("in the heap"),
        none: heap.slice(&[]).expect("nowhere"),
    };
    assert_eq!(size_of_val(&lent), 3 * 16);
    let lent = ShmBox::new_in(lent, &mailbox).expect("room");
    mailbox.bind_root("lent", lent).expect("a new name");
    tell("lent");
    assert_eq!(listen(), "thanks");
    assert!(numbers.len() == 10_000 && text.len() == 900);
}

/// What the part `lend` lends.
#[derive(Debug, ShmSafe)]
#[repr(C)]
pub struct Lent {
    /// The first ten thousand squares.
    pub numbers: ShmSlice<u64>,
    /// Nine hundred bytes of text.
    pub text: ShmSlice<u8>,
    /// No elements.
    pub none: ShmSlice<u32>,
}

/// Allocates until there is no more, and frees it all; how many there were.
fn fill_up(layout: Layout) -> usize {
    let mut count = 0;
    // Each block leads to the one before, for there is no room for a list.
    let mut list: *mut *mut u8 = std::ptr::null_mut();
    loop {
        // SAFETY: the layout has a size.
        let block = unsafe { alloc(layout) };
        if block.is_null() {
            break;
        }
        count += 1;
        // SAFETY: a block has room for a pointer.
        unsafe { block.cast::<*mut *mut u8>().write(list) };
        list = block.cast();
    }
    assert!(Vec::<u8>::new().try_reserve_exact(8 << 20).is_err());
    while !list.is_null() {
        // SAFETY: as written above; each block is freed once.
        unsafe {
            let before = list.cast::<*mut *mut u8>().read();
            dealloc(list.cast(), layout);
            list = before;
        }
    }
    count
}

/// Uses all there is, by different means, and goes on.
fn exhaust(heap: &ShmAlloc) {
    for size in [1 << 30, 1 << 40, isize::MAX as usize] {
        assert!(Vec::<u8>::new().try_reserve_exact(size).is_err(), "{size}");
    }
    for (size, least) in [(100, 100_000), (5000, 4000), (100_000, 150), (4 << 20, 4)] {
        let layout = Layout::from_size_align(size, 8).expect("in reason");
        let counts = [fill_up(layout), fill_up(layout)];
        assert!(counts[0] > least, "{counts:?} blocks of {size} bytes");
        assert!(counts[1] >= counts[0] - counts[0] / 10, "{counts:?} blocks of {size} bytes");
        let mut again = Vec::<u8>::new();
        again.try_reserve_exact(8 << 20).expect("what was freed serves again");
    }
    use_collections(3);
    // Another thread gets what this one has freed.
    in_threads(2, |number| use_collections(number as u64));
    assert!(heap.stats().live_blocks < 1000, "{:?}", heap.stats());
    assert_eq!(heap.status(), Ok(()));
}

/// Tells the name of its heap; then starts over, under the same process id, to
/// play the part that it hears.
fn again(heap: &ShmAlloc) {
    tell(heap.name().expect("a name"));
    let part = listen();
    let this = std::env::current_exe().expect("this program");
    let error = Command::new(this).arg(part).exec();
    panic!("it did not start over: {error}");
}

/// What became of blocks of 40,000 bytes, which only this program asks for.
fn of_one_size(heap: &ShmAlloc) -> Tally {
    let counts = heap.counts().expect("they are counted");
    let class = counts.classes.iter().find(|class| class.block_size >= 40_000);
    class.expect("there is one").blocks
}

/// Every block is counted, by whichever thread and call.
fn counts(heap: &ShmAlloc) {
    let lists: Vec<_> = (0..100).map(|_| vec![1_u8; 40_000]).collect();
    let zeroed: Vec<_> = (0..50).map(|_| vec![0_u8; 40_000]).collect();
    let expected = |allocated, freed, peak| {
        assert_eq!(of_one_size(heap), Tally { allocated, freed, live: allocated - freed, peak });
    };
    expected(150, 0, 150);
    drop(zeroed);
    expected(150, 50, 150);
    in_threads(2, |_| drop(vec![2_u8; 40_000]));
    assert_eq!(of_one_size(heap).allocated, 152);
    let mut lists = lists;
    // One that moves, one that stays, one that is too long.
    lists[0].reserve_exact(160_000);
    lists[1].shrink_to(39_999);
    assert!(lists[2].try_reserve_exact(1 << 50).is_err());
    expected(152, 53, 150);
    std::thread::spawn(move || drop(lists)).join().expect("it only drops");
    expected(152, 152, 150);
    let counts = heap.counts().expect("they are counted");
    assert!(counts.large.allocated >= 1 && counts.large_bytes.peak >= 200_000, "{counts:?}");
    let in_classes: usize = counts.classes.iter().map(|class| class.blocks.allocated).sum();
    assert_eq!(in_classes + counts.large.allocated, counts.blocks.allocated);
}

#[inline(never)]
fn lists_to_keep() -> Vec<Vec<u8>> {
    let mut lists = Vec::with_capacity(3000);
    for _ in 0..3000 {
        lists.push(vec![7; 1000]);
    }
    lists
}

/// What is said of the ways through [`lists_to_keep`]: allocated and live.
fn kept(heap: &ShmAlloc) -> [Estimate; 2] {
    let start = lists_to_keep as *const () as usize;
    let sites = heap.profile().expect("it is made").sites();
    let is_meant = |address: &usize| (start..start + 500).contains(address);
    let meant = sites.iter().filter(|site| site.stack.iter().any(is_meant));
    let add = |sum: Estimate, more: Estimate| Estimate {
        blocks: sum.blocks + more.blocks,
        bytes: sum.bytes + more.bytes,
    };
    meant.fold([Estimate::default(); 2], |[allocated, live], site| {
        [add(allocated, site.allocated), add(live, site.live)]
    })
}

/// The profile tells who allocated, and what of that is left.
fn profile(heap: &ShmAlloc) {
    let lists = lists_to_keep();
    // Of 3000 blocks as long as the rate is, 63 % are sampled: the standard
    // deviation is 43 blocks. This is seven times that, and the list of lists
    // besides.
    let is_near = |found: Estimate, blocks: f64| {
        let near = (found.blocks - blocks).abs() < 310.0;
        assert!(near && (found.bytes - blocks * 1000.0).abs() < 400_000.0, "{found:?}");
    };
    let [allocated, live] = kept(heap);
    is_near(allocated, 3000.0);
    assert_eq!(allocated, live);
    std::thread::spawn(move || drop(lists)).join().expect("it only drops");
    assert_eq!(kept(heap), [allocated, Estimate::default()]);
}
