//! `anymem verify` and `anymem recover`, on heaps that are whole, damaged, or
//! left by processes that died.

// The tests know where the tables stand, which is elsewhere with other words.
#![cfg(target_pointer_width = "64")]

mod common;

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

use anymem::allocator::{Allocator, Slab, SlabUse};
use anymem::container::ShmBox;
use anymem::thread::Context;
use anymem::{HeapOptions, SharedHeap, Size};
use common::{Finished, Name, Tree, run, send, while_cut_off};
use rustix::process::Signal;

const WORD: usize = 8;

/// Slabs of the large block in a test's heap: a number that no other word has.
const LARGE: usize = 301;

/// A heap with small, middling and large blocks, and where its tables stand, by
/// the table in `anymem_core::segment::Geometry`.
struct Heap {
    name: Name,
    heap: SharedHeap,
    slabs: Vec<Slab>,
    states_at: usize,
    roots_at: usize,
    owners_at: usize,
    slots_at: usize,
}

impl Heap {
    fn new(label: &str) -> Self {
        let name = Name::new(label);
        let options = HeapOptions::new().slots(4).roots(4);
        let heap = options.create(&name.0, Size::mib(64)).expect("a heap");
        for size in [64, 48 << 10, LARGE << 16] {
            let layout = std::alloc::Layout::from_size_align(size, 8).expect("a layout");
            heap.allocate(Context::DEFAULT, layout).expect("a block");
        }
        let mut slabs = Vec::new();
        heap.allocator().for_each_slab(&mut |slab| slabs.push(slab));
        let count = heap.allocator().segment().geometry().slabs();
        let bitmap = count.div_ceil(64) * WORD;
        let states_at = 1024;
        // Four slots, eight guests, four roots, four bitmaps.
        let roots_at = states_at + 4 * 2 * WORD + 8 * 5 * WORD;
        let owners_at = roots_at + 4 * 1024 + 4 * bitmap;
        let slots_at = (owners_at + count * WORD).next_multiple_of(128);
        Self { name, heap, slabs, states_at, roots_at, owners_at, slots_at }
    }

    /// The first slabs that are used so.
    fn slab(&self, is: impl Fn(SlabUse) -> bool) -> usize {
        self.slabs.iter().find(|slab| is(slab.used)).expect("such a slab").number
    }

    fn run(&self) -> usize {
        self.slab(|used| matches!(used, SlabUse::Run { blocks: 1000.., .. }))
    }

    fn large(&self) -> usize {
        self.slab(|used| used == SlabUse::Large)
    }

    fn owner_word(&self, slab: usize) -> usize {
        self.owners_at + slab * WORD
    }

    /// Where the descriptor of `slab` starts: word 4 of the large block's is its
    /// length.
    fn descriptor(&self, slab: usize) -> usize {
        const DESCRIPTOR: usize = 8 * WORD + 3 * 512;
        let bytes = fs::read(self.name.path()).expect("its bytes");
        let first_data = self.heap.allocator().segment().geometry().slab_start(0).get();
        let is_length = |at: &usize| bytes[*at..at + WORD] == LARGE.to_ne_bytes();
        // The journal of the slot, in front of the descriptors, may have it too.
        let found = (self.slots_at..first_data).step_by(WORD).filter(is_length);
        let at = found.max().expect("the length");
        at - 4 * WORD - self.large() * DESCRIPTOR + slab * DESCRIPTOR
    }

    fn word(&self, at: usize) -> usize {
        let mut bytes = [0; WORD];
        let file = fs::File::open(self.name.path()).expect("the file");
        file.read_exact_at(&mut bytes, at as u64).expect("a word");
        usize::from_ne_bytes(bytes)
    }

    fn set(&self, at: usize, word: usize) {
        let file = OpenOptions::new().write(true).open(self.name.path()).expect("the file");
        file.write_all_at(&word.to_ne_bytes(), at as u64).expect("it is written");
    }

    fn verify(&self) -> Finished {
        run(["verify", &self.name.0])
    }

    /// Sets a word, and expects these faults of `verify`, and no others.
    #[track_caller]
    fn damage(&self, at: usize, word: usize, faults: &[String]) {
        let before = self.word(at);
        assert!(self.verify().succeeded().output.contains(": whole: "));
        self.set(at, word);
        let found = self.verify().failed_with(1, "");
        self.set(at, before);
        for fault in faults {
            assert!(found.output.contains(fault), "{fault:?} is not in {found:#?}");
        }
        // What slots keep of a damaged slab is nothing any more.
        let also = |line: &&str| line.contains("a magazine names no block");
        let others = faults.iter().all(|fault| !also(&fault.as_str()));
        let told = found.output.lines().filter(|line| !(others && also(line))).count();
        assert_eq!(told, faults.len() + 1, "{found:#?}");
        let last = format!(": broken: faults={}", found.output.lines().count() - 1);
        assert!(found.last_line().ends_with(&last), "{found:#?}");
    }
}

#[test]
fn a_damaged_owner_word_is_located() {
    let heap = Heap::new("owner");
    let at = heap.owner_word(heap.run());
    let place = format!("(slab {}, offset {at})", heap.run());
    heap.damage(at, 7 << 7, &[format!("a slab's owner word has no known state {place}")]);
}

#[test]
fn an_unknown_class_is_located() {
    let heap = Heap::new("class");
    let at = heap.owner_word(heap.run());
    let place = format!("(slab {}, class 127, offset {at})", heap.run());
    let found = format!("a slab is of a class that there is not {place}");
    heap.damage(at, heap.word(at) | 0x7f, &[found]);
}

#[test]
fn slabs_without_a_head_are_one_fault() {
    let heap = Heap::new("orphans");
    let (first, at) = (heap.large() + 1, heap.owner_word(heap.large()));
    let place = format!("(slabs {first} to {}, ", heap.large() + LARGE - 1);
    heap.damage(at, 0, &[format!("a slab continues a block that does not begin {place}")]);
}

#[test]
fn a_wrong_length_is_located() {
    let heap = Heap::new("length");
    let at = heap.descriptor(heap.large());
    let place = format!("(slabs {} to {}, ", heap.large(), heap.large() + LARGE - 1);
    let found = format!("a large block is not as long as it says {place}offset {at})");
    heap.damage(at + 4 * WORD, LARGE + 5, &[found]);
}

#[test]
fn stray_bits_are_located() {
    let heap = Heap::new("stray");
    let slab = heap.slab(|used| matches!(used, SlabUse::Run { blocks: 1..64, .. }));
    let at = heap.descriptor(slab);
    let found = "a bitmap has bits that no block has".to_owned();
    heap.damage(at + 5 * WORD, 1 << 63, &[found]);
    let found = heap.verify().succeeded();
    assert!(found.output.contains(": whole: 3 blocks in use, "), "{found:#?}");
}

#[test]
fn a_slot_in_no_state_is_located() {
    let heap = Heap::new("slot");
    // The last slot, which nobody has held.
    let at = heap.states_at + 3 * 2 * WORD;
    let found = format!("a heap slot is in no known state (heap slot 3, offset {at})");
    let finished = {
        heap.set(at, 3);
        let finished = heap.verify().failed_with(1, "");
        heap.set(at, 0);
        finished
    };
    assert!(finished.output.contains(&found), "{finished:#?}");
}

#[test]
fn a_latch_that_nobody_holds_is_located() {
    let heap = Heap::new("latch");
    let at = heap.slots_at + 3 * WORD;
    let told = |slot| {
        format!(
            "the latch of a heap slot is held by nobody that there is (heap slot {slot}, offset {at})"
        )
    };
    // The holder of a slot that nobody ever had, and of one that there is not.
    for raider in [3, 4, usize::MAX - 2] {
        heap.damage(at, raider + 2, &[told(0)]);
    }
}

#[test]
fn hints_that_name_no_slab_are_located() {
    let heap = Heap::new("hints");
    let told = |place| format!("a hint names a slab that there is not ({place})");
    let at = heap.slots_at + 128 + 8;
    heap.damage(at, usize::MAX >> 1, &[told(format!("class 1, heap slot 0, offset {at}"))]);
    let at = 256 + WORD;
    heap.damage(at, 1 << 40, &[told(format!("class 1, offset {at}"))]);
    let at = 128 + WORD;
    heap.damage(at, 1 << 40, &[told(format!("offset {at}"))]);
}

#[test]
fn roots_that_name_nothing_are_located() {
    let heap = Heap::new("roots");
    let root = ShmBox::new_in(7_u64, &heap.heap).expect("a box");
    heap.heap.bind_root("the answer", root).expect("a root");
    let entry = heap.roots_at;
    let told = |at| format!("a root names memory that is not in use (offset {at})");
    let free = heap.word(entry + WORD) + 64;
    for at in [0, 128, free, 60 << 20, 1 << 40, usize::MAX] {
        heap.damage(entry + WORD, at, &[told(at)]);
    }
}

#[test]
fn magazines_are_looked_at() {
    let heap = Heap::new("magazine");
    // The first magazine with an entry: its count, its limit, its mark.
    let mut cached = Vec::new();
    heap.heap.allocator().for_each_cached(&mut |block| cached.push(block));
    let block = cached.first().expect("free blocks are kept");
    let entry = (block.at.get() / 16) as u32;
    let bytes = fs::read(heap.name.path()).expect("its bytes");
    let half = |at: usize| u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four"));
    let first = (heap.slots_at + 128..).step_by(4).find(|at| half(*at) == entry);
    let first = first.expect("the entry");
    let both = |low: u32, high: u32| low as usize | (high as usize) << 32;
    // Two entries: the second becomes the first.
    heap.damage(
        first,
        both(entry, entry),
        &[format!("a block is free in two places of the magazines (class {}, ", block.class)],
    );
    heap.damage(
        first,
        both(1, half(first + 4)),
        &[format!("a magazine names no block (class {}, heap slot 0, offset 16)", block.class)],
    );
    let count_at = first - 12;
    let count = half(count_at) | 1 << 30;
    heap.damage(
        count_at,
        both(count, half(count_at + 4)),
        &[format!(
            "a magazine counts more blocks than it has room for (class {}, heap slot 0, \
             offset {count_at})",
            block.class
        )],
    );
}

#[test]
fn a_free_block_that_is_cached_is_in_two_places() {
    let heap = Heap::new("twice");
    let slab = heap.run();
    let at = heap.descriptor(slab) + 5 * WORD;
    let finished = {
        let before = heap.word(at);
        heap.set(at, usize::MAX);
        let finished = heap.verify().failed_with(1, "");
        heap.set(at, before);
        finished
    };
    let found = "a block is free in its slab and in a magazine (slab ";
    assert!(finished.output.contains(found), "{finished:#?}");
    assert!(finished.output.contains("may be handed out twice"), "{finished:#?}");
}

#[test]
fn every_fault_is_counted_and_many_are_told() {
    let heap = Heap::new("all");
    let frontier: usize = heap.slabs.iter().map(|slab| slab.slabs).sum();
    (0..frontier).for_each(|slab| heap.set(heap.owner_word(slab), 7 << 7));
    let found = heap.verify().failed_with(1, "");
    let told = found.output.matches("no known state (slab ").count();
    assert_eq!(told, frontier, "{found:#?}");
}

#[test]
fn a_heap_that_is_cut_off_meanwhile_crashes_nobody() {
    let name = Name::new("shrinks");
    SharedHeap::create(&name.0, Size::mib(4)).expect("a heap");
    let all: Vec<_> = while_cut_off(&name, || {
        let commands = ["verify", "inspect", "top", "recover"].iter().cycle().take(100);
        commands.map(|command| run([command, name.0.as_str()])).collect()
    });
    for found in all {
        assert!(matches!(found.status.code(), Some(0 | 1)), "{found:#?}");
    }
}

#[test]
fn garbage_within_a_heap_crashes_nobody() {
    let (good, tree) = (Heap::new("sound"), Tree::new());
    let bytes = fs::read(good.name.path()).expect("its bytes");
    // With the values, the tables' end; behind it are only blocks.
    let end = good.heap.allocator().segment().geometry().slab_start(0).get();
    let (bad, map) = (Name::new("unsound"), tree.at("map.svg"));
    let map = map.to_str().expect("UTF-8");
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (random >> 33) as usize % below
    };
    let mut broken = 0;
    for round in 0..20 {
        let mut bytes = bytes.clone();
        for _ in 0..10 << round.min(12) {
            // Behind the header: in front of that the segment is refused.
            bytes[128 + next(end - 128)] = next(256) as u8;
        }
        bad.write(&bytes);
        for arguments in [&["inspect", &bad.0, "--json", "--svg", map][..], &["top", &bad.0]] {
            run(arguments).succeeded();
        }
        let found = run(["verify", &bad.0]);
        assert!(matches!(found.status.code(), Some(0 | 1)), "{found:#?}");
        assert!(!found.errors.contains("panicked"), "{found:#?}");
        assert!(found.output.lines().count() <= 1002, "{found:#?}");
        broken += usize::from(!found.status.success());
        run(["recover", &bad.0]).succeeded();
    }
    assert!(broken > 5, "only {broken} were noticed");
}

#[test]
fn what_is_no_heap_is_refused_as_elsewhere() {
    let (text, cut) = (Name::new("care text"), Name::new("care cut"));
    text.write("no segment ".repeat(10_000));
    SharedHeap::create(&cut.0, Size::mib(8)).expect("a heap");
    let file = OpenOptions::new().write(true).open(cut.path()).expect("the file");
    file.set_len(5000).expect("it is cut off");
    for command in ["verify", "recover"] {
        run([command, "no-such-heap"]).failed_with(1, "there is no heap named");
        run([command, "a/b"]).failed_with(1, "cannot name a heap");
        run([command, &text.0]).failed_with(1, "is not a heap");
        run([command, &cut.0]).failed_with(1, "error: ");
        run([command]).failed_with(2, "required");
    }
}

#[test]
fn the_heap_of_another_user_is_refused() {
    let name = Name::new("care foreign");
    SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    // Only the superuser may give files away.
    if std::os::unix::fs::chown(name.path(), Some(65534), None).is_ok() {
        for command in ["verify", "recover"] {
            run([command, &name.0]).failed_with(1, "error: ");
        }
    }
}

/// Not a test of its own: the process that dies in the one below.
#[test]
#[ignore = "started by what_the_dead_left_is_recovered"]
fn dies_with_blocks() {
    let heap = common::heap_to_die_with();
    for number in 0..100_u64 {
        std::mem::forget(ShmBox::new_in([number; 8], &heap).expect("a box"));
    }
    drop(ShmBox::new_in([0_u64; 8], &heap).expect("a box"));
    send(Signal::KILL, std::process::id());
}

#[test]
fn what_the_dead_left_is_recovered() {
    let name = Name::new("care died");
    let heap = SharedHeap::create(&name.0, Size::mib(8)).expect("a heap");
    let dead = common::die("dies_with_blocks", &name);
    let verified = run(["verify", &name.0]).succeeded();
    assert!(verified.errors.contains("dead processes hold 1 heap slots"), "{verified:#?}");
    let mut cached = 0;
    heap.allocator().for_each_cached(&mut |_| cached += 1);
    assert!(cached > 0);

    let recovered = run(["recover", &name.0]).succeeded();
    let expected = format!("{}: recovered: slots=1 cached-blocks={cached} slabs=", name.0);
    assert!(recovered.last_line().starts_with(&expected), "{recovered:#?}");
    let of_whom = format!("heap slot 0 of pid {} (dead)", dead);
    assert!(recovered.output.contains(&of_whom), "{recovered:#?}");

    let verified = run(["verify", &name.0]).succeeded();
    assert_eq!(verified.errors, "");
    assert!(verified.output.contains("whole: 100 blocks in use, "), "{verified:#?}");
    assert_eq!(heap.owners().count(), 0);
    let again = run(["recover", &name.0]).succeeded();
    assert_eq!(again.output, format!("{}: nothing to recover\n", name.0));
}
