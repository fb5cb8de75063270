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
//! - a heap that could not be made as asked says so, and the program runs.
//!
//! What the programs do is in `anymem_tests::program`.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anymem::backend::{MemfdBackend, ShmBackend};
use anymem::thread::PthreadModel;
use anymem::{SharedHeap, Size};
use anymem_core::allocator::{Allocator, ThreadLocalAllocator};
use anymem_core::backend::Backend;
use anymem_core::offset::Offset;
use anymem_tests::Peer;
use anymem_tests::program::NAMED_HEAP;

const PRIVATE: &str = env!("CARGO_BIN_EXE_shm_alloc_private");
const MEMFD: &str = env!("CARGO_BIN_EXE_shm_alloc_memfd");
const NAMED: &str = env!("CARGO_BIN_EXE_shm_alloc_named");
const SMALL: &str = env!("CARGO_BIN_EXE_shm_alloc_small");

fn program(path: &str, part: &str) -> Peer {
    let mut command = Command::new(path);
    command.arg(part).env_remove("ANYMEM_TEST_PEER");
    Peer::from_command(&mut command)
}

/// One program at a time has the name, which is free before and after.
struct TheName(#[expect(dead_code, reason = "held")] MutexGuard<'static, ()>);

impl TheName {
    fn take() -> Self {
        static TAKEN: Mutex<()> = Mutex::new(());
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = SharedHeap::unlink(NAMED_HEAP);
        Self(taken)
    }
}

impl Drop for TheName {
    fn drop(&mut self) {
        let _ = SharedHeap::unlink(NAMED_HEAP);
    }
}

/// All three programs play a part well.
fn all_play(part: &str) {
    program(PRIVATE, part).finish();
    program(MEMFD, part).finish();
    let _name = TheName::take();
    program(NAMED, part).finish();
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

/// Compares what a program told of with what is found there.
fn read_in_place<B: Backend>(backend: B, places: &[usize]) {
    let heap: ThreadLocalAllocator<B, PthreadModel> =
        ThreadLocalAllocator::attach(backend, PthreadModel).expect("a heap");
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
    let _name = TheName::take();
    let mut server = program(NAMED, "serve");
    let said = server.hear();
    let words = said.trim_start().split(' ');
    let places: Vec<usize> = words.map(|word| word.parse().expect("an offset")).collect();
    read_in_place(ShmBackend::open(NAMED_HEAP).expect("there"), &places);
    server.say("thanks");
    server.finish();
}

#[test]
fn an_exhausted_heap_answers_null_and_goes_on() {
    program(SMALL, "exhaust").finish();
    program(SMALL, "values").finish();
}

#[test]
fn a_program_runs_although_its_segment_exists_already() {
    let _name = TheName::take();
    let mut first = program(NAMED, "status");
    assert_eq!(first.hear(), "ok");
    first.finish();
    // The segment stays until it is unlinked.
    let mut second = program(NAMED, "status");
    let said = second.hear();
    assert!(said.contains("exists"), "{said}");
    second.finish();
    SharedHeap::unlink(NAMED_HEAP).expect("the first one's");
    let other = SharedHeap::create(NAMED_HEAP, Size::mib(1)).expect("the name is free");
    let mut third = program(NAMED, "layouts");
    third.child.kill().expect("it runs");
    // Until it has ended it could take the name when that becomes free.
    third.child.wait().expect("it was killed");
    assert_eq!(other.check(), Ok(()));
    assert_eq!(other.stats().live_blocks, 0, "nobody else used it");
}
