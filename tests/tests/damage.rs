//! Heaps whose metadata are wrong: by accident, or by a hostile peer.
//!
//! - whatever bytes of a heap in use are changed, no call crashes, panics or
//!   runs for ever, and no block lies outside the segment;
//! - the same while another thread keeps changing them;
//! - whichever word names a living process, as a lock does that is held, every
//!   call answers;
//! - a segment that was cut off, wherever, is refused;
//! - a header with any byte changed is refused, or the heap works.
//!
//! The damaged heaps stand between guard pages, in processes of their own that
//! a watchdog ends. A process says which case it is at, so that a failure names
//! the case.

use std::alloc::Layout;
use std::fs::{self, OpenOptions};
use std::ops::{ControlFlow, Range};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use anymem::{HeapError, HeapOptions, Size};
use anymem_core::allocator::{Allocator, ScalablePageAllocator, ThreadLocalAllocator};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::{Config, RootError, TypeTag};
use anymem_core::thread::{Bare, Context, Owner};
use anymem_tests::heap::layout;
use anymem_tests::hostile::{Backend, Guarded};
use anymem_tests::{Directory, Peer, Random, role, tell, watchdog};

/// Seconds for one process's cases, which take a few.
const PATIENCE: u32 = 120;

/// Slabs of 4 KiB, to have many of them.
const SHIFT: u32 = 12;
const LEN: usize = 300 << 10;

type Slots = ThreadLocalAllocator<Backend, Bare, SHIFT>;
type Pages = ScalablePageAllocator<Backend, Bare, SHIFT>;

/// Writes something likely to hurt over some bytes in `range`.
fn damage(memory: &Guarded, random: &mut Random, range: Range<usize>) {
    let at = range.start + random.below(range.len() - 8);
    let (at, len) = match random.below(4) {
        0 => (at, 1),
        1 => (at & !3, 4),
        _ => (at & !7, 8),
    };
    let value = match random.below(8) {
        0 => 0,
        1 => u64::MAX,
        2 => random.bits() % 100,
        3 => random.bits() % LEN as u64,
        4 => 1 << random.below(64),
        5 => ((random.bits() % 64) << 32) | (random.bits() % 64),
        _ => random.bits(),
    };
    for (index, byte) in value.to_le_bytes().into_iter().take(len).enumerate() {
        memory.byte(at + index).store(byte, Ordering::Relaxed);
    }
}

fn config() -> Config {
    Config { slots: 3, roots: 4, ..Config::new(AllocatorId::new(1, 0)) }
}

/// Bytes of metadata in front of the slabs.
fn metadata(heap: &Slots) -> usize {
    heap.segment().geometry().slab_start(0).get()
}

/// What the tests name in a heap.
const TAG: TypeTag<'_> = TypeTag { name: "u64", size: 8, align: 8, fingerprint: 1, members: &[] };

/// Binds a root and takes it away again; who kept the table, if somebody did.
fn name_something(heap: &Slots) -> Option<Owner> {
    let roots = heap.roots();
    // SAFETY: the value is never looked at.
    let bound = unsafe { roots.bind("something", &TAG, Offset::new(4096)) };
    let error = match bound {
        Ok(()) => roots.unbind("something", &TAG).err(),
        Err(error) => Some(error),
    };
    match error {
        Some(RootError::Busy { holder }) => Some(holder),
        _ => None,
    }
}

/// Blocks as somebody who uses a heap knows them.
struct User {
    random: Random,
    blocks: Vec<(Offset, Layout)>,
}

impl User {
    fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), blocks: Vec::new() }
    }

    fn layout(&mut self) -> Layout {
        let size = match self.random.below(12) {
            0 => self.random.below(40_000),
            1..4 => self.random.below(3000),
            _ => self.random.below(200),
        };
        layout(size, 1 << self.random.below(13))
    }

    /// Writes to all of a block, which must be inside the heap.
    fn took(&mut self, heap: &dyn Allocator, at: Offset, layout: Layout) {
        let Some(start) = heap.resolve(at, layout.size()) else {
            panic!("block {at} of {layout:?} is not in the heap");
        };
        // SAFETY: inside the segment. What else is there is damaged, if the
        // heap was led to hand it out.
        unsafe { start.write_bytes(0x5a, layout.size()) };
        self.blocks.push((at, layout));
    }

    fn take(&mut self) -> Option<(Offset, Layout)> {
        let count = self.blocks.len();
        (count > 0).then(|| self.blocks.swap_remove(self.random.below(count)))
    }

    /// Makes one call; what it answers is not looked at.
    fn call(&mut self, heap: &dyn Allocator, context: Context) {
        match self.random.below(16) {
            0..6 => {
                let layout = self.layout();
                if let Ok(at) = heap.allocate(context, layout) {
                    self.took(heap, at, layout);
                }
            }
            6 => {
                let layout = self.layout();
                if let Ok(at) = heap.allocate_zeroed(context, layout) {
                    self.took(heap, at, layout);
                }
            }
            7 | 8 => {
                let size = self.layout().size();
                let Some((at, old)) = self.take() else { return };
                // SAFETY: the block was handed out to this user.
                match unsafe { heap.reallocate(context, at, old, size) } {
                    Ok(at) => self.took(heap, at, layout(size, old.align())),
                    Err(_) => self.blocks.push((at, old)),
                }
            }
            9 => {
                let Some(&(at, layout)) = self.blocks.last() else { return };
                // SAFETY: the block was handed out to this user.
                let _ = unsafe { heap.usable_size(at, layout) };
            }
            10 if self.random.below(10) == 0 => {
                let _ = heap.stats();
            }
            _ => {
                let Some((at, layout)) = self.take() else { return };
                // SAFETY: the block was handed out to this user.
                let _ = unsafe { heap.free(context, at, layout) };
            }
        }
    }

    /// Makes the calls that look at everything.
    fn look_around(&mut self, memory: &Guarded, heap: &Slots) {
        let _ = (heap.stats(), heap.check(), heap.trim(Context::DEFAULT), heap.recover());
        let _ = (heap.owners().count(), heap.roots().iter().count());
        heap.for_each_fault(&mut |_| ControlFlow::Continue(()));
        heap.for_each_slab(&mut |slab| assert!(slab.slabs > 0));
        heap.for_each_slot(&mut |_| {});
        heap.for_each_cached(&mut |_| {});
        let _ = (name_something(heap), heap.roots().find("something", &TAG));
        if let Ok(context) = heap.create_tls() {
            (0..20).for_each(|_| self.call(heap, context));
            heap.trim(context);
            // SAFETY: the context is not used afterwards.
            unsafe { heap.free_tls(context) };
        }
        if let Ok(again) = Slots::attach(memory.backend(LEN), Bare) {
            // It may be shorter than it was: no place for blocks had before.
            let mut other = Self::new(self.random.bits());
            (0..30).for_each(|_| other.call(&again, Context::DEFAULT));
            let _ = (again.check(), again.stats());
        }
        if let Ok(pages) = Pages::attach(memory.backend(LEN), Bare) {
            let mut other = Self::new(self.random.bits());
            (0..30).for_each(|_| other.call(&pages, Context::DEFAULT));
            let _ = (pages.check(), pages.trim(), pages.stats());
        }
    }
}

/// A heap in use: two slots, and calls without one.
fn in_use(memory: &Guarded, user: &mut User) -> (Slots, [Context; 3]) {
    let heap = Slots::create(memory.backend(LEN), Bare, &config()).expect("room");
    let claim = || heap.create_tls().expect("a slot");
    let contexts = [claim(), claim(), Context::DEFAULT];
    for turn in 0..150 {
        user.call(&heap, contexts[turn % 3]);
    }
    (heap, contexts)
}

/// Changes some bytes of a heap in use, again and again.
fn random_damage(memory: &Guarded, seed: u64) {
    let mut user = User::new(seed);
    let (heap, contexts) = in_use(memory, &mut user);
    let mut random = Random::new(seed ^ 0x5555);
    for _ in 0..4 {
        for _ in 0..1 << random.below(7) {
            damage(memory, &mut random, 0..metadata(&heap));
        }
        for turn in 0..80 {
            user.call(&heap, contexts[turn % 3]);
        }
        user.look_around(memory, &heap);
    }
}

/// Changes the bytes in `range`, one at a time, of the same heap in use.
fn each_byte(memory: &Guarded, range: Range<usize>) {
    let mut user = User::new(7);
    let (heap, contexts) = in_use(memory, &mut user);
    let (image, blocks) = (memory.image(), user.blocks.clone());
    for at in range.start..range.end.min(metadata(&heap)) {
        tell(&format!("byte {at}"));
        memory.restore(&image);
        user.blocks.clone_from(&blocks);
        user.random = Random::new(at as u64);
        let change = [0xff, 1, 0x80, 4][at % 4];
        memory.byte(at).fetch_xor(change, Ordering::Relaxed);
        for turn in 0..40 {
            user.call(&heap, contexts[turn % 3]);
        }
        if at % 4 == 0 || at < 2048 {
            user.look_around(memory, &heap);
        }
    }
}

/// Lets the words in `range`, one at a time, name a process that lives; how
/// often the table of roots was held for that.
fn each_word_held(memory: &Guarded, range: Range<usize>) -> usize {
    let mut user = User::new(9);
    let (heap, contexts) = in_use(memory, &mut user);
    let (image, blocks) = (memory.image(), user.blocks.clone());
    let words = (range.start..range.end.min(metadata(&heap))).step_by(size_of::<usize>());
    words
        .filter(|&at| {
            tell(&format!("word {at}"));
            memory.restore(&image);
            user.blocks.clone_from(&blocks);
            memory.word(at).store(Owner::BARE.to_word(), Ordering::Relaxed);
            for turn in 0..10 {
                user.call(&heap, contexts[turn % 3]);
            }
            name_something(&heap) == Some(Owner::BARE)
        })
        .count()
}

/// Works while another thread changes bytes all the time.
fn hostile(memory: &'static Guarded, seed: u64) {
    static DONE: AtomicBool = AtomicBool::new(false);
    DONE.store(false, Ordering::Relaxed);
    let mut user = User::new(seed);
    let (heap, contexts) = in_use(memory, &mut user);
    let end = metadata(&heap);
    let enemy = std::thread::spawn(move || {
        let mut random = Random::new(!seed);
        while !DONE.load(Ordering::Relaxed) {
            damage(memory, &mut random, 0..end);
        }
    });
    for turn in 0..4000 {
        user.call(&heap, contexts[turn % 3]);
        if turn % 200 == 0 {
            user.look_around(memory, &heap);
        }
    }
    DONE.store(true, Ordering::Relaxed);
    enemy.join().expect("no panic");
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    watchdog(PATIENCE);
    let number = |index: usize| words[index].parse::<usize>().expect("a number");
    let range = number(1)..number(2);
    let memory: &Guarded = Box::leak(Box::new(Guarded::new(LEN)));
    match words[0].as_str() {
        "bytes" => each_byte(memory, range),
        "words" => assert_eq!(each_word_held(memory, range), 1, "the table has one lock"),
        kind => {
            for seed in range {
                tell(&format!("seed {seed}"));
                match kind {
                    "random" => random_damage(memory, seed as u64),
                    "hostile" => hostile(memory, seed as u64),
                    _ => panic!("no such role: {kind}"),
                }
            }
        }
    }
    tell("done");
}

/// Runs cases in a process of their own.
fn survives(kind: &str, cases: Range<usize>) {
    let words = [kind, &cases.start.to_string(), &cases.end.to_string()];
    let mut command: Command = Peer::command(&words);
    let output = command.output().expect("another process");
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().filter_map(|line| line.split_once("@@")).next_back();
    let last = last.map_or("nothing", |(_, said)| said);
    let errors = String::from_utf8_lossy(&output.stderr);
    let end: String = errors.chars().take(3000).collect();
    assert!(output.status.success(), "{kind}: {} at {last}\n{end}", output.status);
    assert_eq!(last, "done", "{kind}");
}

#[test]
fn random_bytes_of_a_heap_in_use() {
    survives("random", 0..1500);
}

#[test]
fn each_byte_of_a_heap_in_use() {
    survives("bytes", 0..usize::MAX);
}

#[test]
fn each_word_names_a_living_process() {
    survives("words", 0..usize::MAX);
}

#[test]
fn a_peer_that_keeps_changing_them() {
    survives("hostile", 0..30);
}

/// A heap that was cut off is refused, whatever its length.
#[test]
fn every_shorter_length_is_refused() {
    let memory = Guarded::new(LEN);
    let heap = Slots::create(memory.backend(LEN), Bare, &config()).expect("room");
    let full = heap.segment().geometry().len();
    for len in 0..full {
        let result = Slots::attach(memory.backend(len), Bare);
        assert!(result.is_err(), "{len} of {full}");
    }
    assert!(Slots::attach(memory.backend(full), Bare).is_ok());
}

/// The same for files, where the rest of a page can be mapped and no more.
#[test]
fn every_shorter_file_is_refused() {
    let dir = Directory::new("cut");
    let options = HeapOptions::new().directory(dir.path());
    let path = dir.path().join("anymem.it");
    let full = {
        let heap = options.create("it", Size::mib(1)).expect("room");
        let full = heap.size().get();
        // SAFETY: nothing in it is in use.
        unsafe { heap.detach() }.expect("the only handle");
        full
    };
    let image = fs::read(&path).expect("readable");
    let near_pages = (0..full).step_by(4096).flat_map(|page| [page, page + 1, page + 4095]);
    for len in (0..1100).chain(near_pages).filter(|&len| len < full) {
        let file = OpenOptions::new().write(true).open(&path).expect("there");
        file.set_len(len as u64).expect("shorter");
        let error = options.open("it").expect_err("cut off");
        assert!(
            matches!(error, HeapError::Truncated { .. } | HeapError::NotASegment { .. }),
            "{len}: {error:?}"
        );
        fs::write(&path, &image).expect("whole again");
    }
    let heap = options.open("it").expect("whole again");
    // SAFETY: nothing in it is in use.
    unsafe { heap.detach() }.expect("the only handle");
}
