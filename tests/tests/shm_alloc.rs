//! Programs whose global allocator is a `ShmAlloc`: private, in a memory file,
//! and in a named segment.
//!
//! - ordinary collections work, and leave nothing;
//! - any size and alignment, zeroed and resized;
//! - threads by the ten thousand leave nothing;
//! - parent and children go on after a fork, with threads, and do not disturb
//!   each other;
//! - other programs can be started, and the program may end at any moment;
//! - another process reads the contents of a vector in place;
//! - a heap that is exhausted answers null, and the program goes on;
//! - an observed heap tells what became of its blocks, and does the same else;
//! - a heap that could not be made as asked says so, and the program runs.
//!
//! What the programs do is in `anymem_tests::program`.

use std::cell::Cell;
use std::fs::File;
use std::path::Path;
use std::process::Command;

use anymem::backend::{MemfdBackend, ShmBackend};
use anymem::container::{ShmSlice, ShmVec, SliceError};
use anymem::thread::PthreadModel;
use anymem::{HeapOptions, SharedHeap, Size};
use anymem_core::allocator::{Allocator, ThreadLocalAllocator};
use anymem_core::backend::Backend;
use anymem_core::offset::Offset;
use anymem_tests::program::{Lent, NAMED_HEAP};
use anymem_tests::{Name, Peer, Random};

const PRIVATE: &str = env!("CARGO_BIN_EXE_shm_alloc_private");
const MEMFD: &str = env!("CARGO_BIN_EXE_shm_alloc_memfd");
const NAMED: &str = env!("CARGO_BIN_EXE_shm_alloc_named");
const SMALL: &str = env!("CARGO_BIN_EXE_shm_alloc_small");
const OBSERVED: &str = env!("CARGO_BIN_EXE_shm_alloc_observed");
const OBSERVED_MEMFD: &str = env!("CARGO_BIN_EXE_shm_alloc_observed_memfd");

fn program(path: &str, part: &str) -> Peer {
    let mut command = Command::new(path);
    command.arg(part).env_remove("ANYMEM_TEST_PEER");
    Peer::from_command(&mut command)
}

/// What the heap of the running program [`NAMED`] is called.
fn name_of(program: &Peer) -> Name {
    Name::known(&NAMED_HEAP.replace("{pid}", &program.pid().to_string()))
}

/// All three programs play a part well.
fn all_play(part: &str) {
    program(PRIVATE, part).finish();
    program(MEMFD, part).finish();
    let named = program(NAMED, part);
    let _name = name_of(&named);
    named.finish();
}

#[test]
fn collections_leave_nothing() {
    all_play("values");
}

#[test]
fn any_layout_works() {
    all_play("layouts");
}

#[test]
fn ten_thousand_threads_leave_nothing() {
    all_play("threads");
}

#[test]
fn parent_and_children_go_on_after_a_fork() {
    all_play("forks");
}

#[test]
fn other_programs_can_be_started() {
    all_play("programs");
}

#[test]
fn a_program_may_end_while_its_threads_allocate() {
    for _ in 0..10 {
        all_play("leave");
    }
}

/// The heap of a program, of which there may be many of the same id.
fn attach<B: Backend>(backend: B) -> ThreadLocalAllocator<B, PthreadModel> {
    ThreadLocalAllocator::attach(backend, PthreadModel).expect("a heap")
}

/// Compares what a program told of with what is found there.
fn read_in_place<B: Backend>(backend: B, places: &[usize]) {
    let heap = attach(backend);
    let bytes = |at: usize, len: usize| {
        let start = heap.resolve(Offset::new(at), len).expect("inside");
        // SAFETY: the program keeps the value there and does not change it.
        unsafe { std::slice::from_raw_parts(start.as_ptr(), len) }
    };
    let words = bytes(places[0], 80_000).chunks_exact(8);
    let mut numbers = words.map(|word| u64::from_ne_bytes(word.try_into().expect("a word")));
    assert!((0..10_000).all(|number| numbers.next() == Some(number * number)));
    assert_eq!(bytes(places[1], 900), "any ordinary text ".repeat(50).as_bytes());
    assert_eq!(bytes(places[2], 24), [1.5_f64; 3].map(f64::to_ne_bytes).concat());
    assert!(heap.stats().live_blocks > 3);
    heap.check().expect("in order");
}

#[test]
fn another_process_reads_a_memory_file_in_place() {
    let mut server = program(MEMFD, "serve");
    let said = server.hear();
    let mut words = said.split(' ');
    let file = words.next().expect("a path");
    let places: Vec<usize> = words.map(|word| word.parse().expect("an offset")).collect();
    read_in_place(MemfdBackend::attach_path(Path::new(file)).expect("there"), &places);
    server.say("thanks");
    server.finish();
}

#[test]
fn another_process_reads_a_named_segment_in_place() {
    let mut server = program(NAMED, "serve");
    let name = name_of(&server);
    let said = server.hear();
    let words = said.trim_start().split(' ');
    let places: Vec<usize> = words.map(|word| word.parse().expect("an offset")).collect();
    read_in_place(ShmBackend::open(&name).expect("there"), &places);
    server.say("thanks");
    server.finish();
}

/// Reads what the part `lend` of a program lends, whose heap `open` opens.
fn borrow(path: &str, open: impl Fn(&Peer, &str) -> SharedHeap) {
    let mailbox = Name::new();
    let letters = SharedHeap::create(&mailbox, Size::mib(8)).expect("made");
    let mut lender = program(path, "lend");
    let file = lender.hear();
    let heap = open(&lender, &file);
    lender.say(&mailbox);
    assert_eq!(lender.hear(), "lent");
    let Lent { numbers, text, none } = letters.root::<Lent>("lent").expect("bound");
    // SAFETY: the lender keeps them as they are until it is thanked.
    let (found, words) = unsafe { (numbers.open(&heap), text.open(&heap)) };
    let squares = (0..10_000).map(|number| number * number);
    assert!(found.expect("in the heap").iter().copied().eq(squares));
    assert_eq!(words.expect("in the heap"), "any ordinary text ".repeat(50).as_bytes());
    // SAFETY: nothing is there.
    assert!(unsafe { none.open(&heap) }.expect("of the heap").is_empty());
    // SAFETY: what is not of the heap is not opened.
    let elsewhere = unsafe { numbers.open(&letters) };
    assert_eq!(elsewhere, Err(SliceError::NotOfHeap { heap: letters.id() }));
    // SAFETY: any bytes are such a view, and it is of another type.
    let other = unsafe { std::mem::transmute::<ShmSlice<u64>, ShmSlice<i64>>(*numbers) };
    // SAFETY: as above.
    assert!(matches!(unsafe { other.open(&heap) }, Err(SliceError::NotOfHeap { .. })));
    lender.say("thanks");
    lender.finish();
}

#[test]
fn another_process_opens_a_view_of_a_memory_file() {
    borrow(MEMFD, |_, file| {
        let file = File::options().read(true).write(true).open(file).expect("there");
        SharedHeap::attach(file.into()).expect("a heap")
    });
}

#[test]
fn another_process_opens_a_view_of_a_named_heap() {
    let name = Cell::new(None);
    borrow(NAMED, |lender, _| {
        let known = name_of(lender);
        let heap = SharedHeap::open(&known).expect("there");
        // It is unlinked at the end.
        name.set(Some(known));
        heap
    });
}

#[test]
fn a_damaged_view_opens_nothing_outside_the_heap() {
    let heap = HeapOptions::new().create_memfd("views", Size::mib(8)).expect("made");
    let values = ShmVec::from_slice_in(&[7_u32; 100], &heap).expect("room");
    let view = ShmSlice::of(values.as_slice().expect("attached"), &heap).expect("there");
    assert!(matches!(ShmSlice::of(&[1_u8], &heap), Err(SliceError::NotInHeap { .. })));
    let (start, mut random, mut opened) = (heap.resolve(Offset::new(1), 0), Random::new(1), 0);
    let start = start.expect("inside").as_ptr().addr() - 1;
    for _ in 0..100_000 {
        // SAFETY: a view is two words, and any words are one.
        let mut words = unsafe { std::mem::transmute::<ShmSlice<u32>, [u64; 2]>(view) };
        words[random.below(2)] ^= random.bits() >> random.below(64);
        // SAFETY: as above.
        let damaged = unsafe { std::mem::transmute::<[u64; 2], ShmSlice<u32>>(words) };
        // SAFETY: any bytes are numbers, and nobody changes the heap.
        let Ok(found) = (unsafe { damaged.open(&heap) }) else { continue };
        let range = found.as_ptr_range();
        assert!(found.is_empty() || range.start.addr() > start && range.start.is_aligned());
        assert!(found.is_empty() || range.end.addr() <= start + heap.size().get());
        opened += 1;
    }
    assert!(opened > 100, "some of it fell inside");
}

#[test]
fn an_exhausted_heap_answers_null_and_goes_on() {
    program(SMALL, "exhaust").finish();
    program(SMALL, "values").finish();
}

#[test]
fn an_observed_heap_tells_of_its_blocks() {
    program(OBSERVED, "counts").finish();
    program(OBSERVED, "profile").finish();
}

#[test]
fn an_observed_heap_is_one_like_others() {
    for part in ["layouts", "forks", "programs", "leave"] {
        program(OBSERVED, part).finish();
        program(OBSERVED_MEMFD, part).finish();
    }
}

#[test]
fn a_program_runs_many_times_at_once() {
    let mut programs = [(); 3].map(|()| program(NAMED, "again"));
    let names = programs.each_ref().map(name_of);
    for (program, name) in programs.iter_mut().zip(&names) {
        assert_eq!(program.hear(), **name);
        let heap = attach(ShmBackend::open(name).expect("made"));
        assert!(heap.stats().live_blocks > 0, "the program's values are in it");
        // Its name is free for the program, which is to start over.
        SharedHeap::unlink(name).expect("there");
    }
    for mut program in programs {
        program.say("status");
        assert_eq!(program.hear(), "ok");
        program.finish();
    }
}

#[test]
fn a_program_runs_although_its_segment_exists_already() {
    let mut first = program(NAMED, "again");
    let name = name_of(&first);
    assert_eq!(first.hear(), *name);
    // The segment stays until it is unlinked.
    first.say("status");
    let said = first.hear();
    assert!(said.contains("exists"), "{said}");
    first.finish();

    let mut second = program(NAMED, "again");
    let name = name_of(&second);
    assert_eq!(second.hear(), *name);
    SharedHeap::unlink(&name).expect("the program's");
    let other = SharedHeap::create(&name, Size::mib(1)).expect("the name is free");
    second.say("layouts");
    second.finish();
    assert_eq!(other.check(), Ok(()));
    assert_eq!(other.stats().live_blocks, 0, "nobody else used it");
}
