//! Heaps across `fork`. One test: a fork copies all of the process.

use core::alloc::Layout;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Error, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anymem::allocator::Allocator;
use anymem::thread::Context;
use anymem::{HeapOptions, SharedHeap, Size};
use anymem_tests::{Name, watchdog};

const BLOCKS: usize = 500;
const CHILDREN: usize = 100;
/// How many of them live at a time.
const TOGETHER: usize = 20;

fn layout() -> Layout {
    Layout::new::<[u64; 6]>()
}

/// Allocates many blocks and writes where they are.
fn allocate_and_tell(heap: &SharedHeap, to: &mut File) -> Option<()> {
    let mut said = Vec::new();
    for _ in 0..BLOCKS {
        let at = heap.allocate(Context::DEFAULT, layout()).ok()?;
        said.extend_from_slice(&at.get().to_ne_bytes());
    }
    to.write_all(&said).ok()
}

/// What a child does.
fn have_blocks(name: &str, to: &mut File) {
    let same = SharedHeap::open(name).expect("no lock is left behind");
    allocate_and_tell(&same, to).expect("room");
}

/// Runs `work` in a forked child with the writing end of a pipe; the reading
/// end and the child's id.
fn forked(work: impl FnOnce(&mut File)) -> (File, i32) {
    let mut ends = [0; 2];
    // SAFETY: two descriptors fit, and nobody else has them.
    let (from, mut to) = unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        let file = |fd| File::from(OwnedFd::from_raw_fd(fd));
        (file(ends[0]), file(ends[1]))
    };
    // SAFETY: the child works with the heap and a pipe, and exits.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "no process: {}", Error::last_os_error());
    if pid == 0 {
        // A child that waits for a lock of its parent's ends by a signal.
        watchdog(600);
        drop(from);
        work(&mut to);
        drop(to);
        // SAFETY: ends the process.
        unsafe { libc::_exit(0) };
    }
    (from, pid)
}

fn heard(mut from: File, pid: i32) -> Vec<usize> {
    let mut said = Vec::new();
    from.read_to_end(&mut said).expect("readable");
    let mut status = 0;
    // SAFETY: waits for a child of this process.
    unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(status, 0, "the child failed");
    let word = |bytes: &[u8]| usize::from_ne_bytes(bytes.try_into().expect("a word"));
    said.chunks_exact(size_of::<usize>()).map(word).collect()
}

#[test]
fn children_get_slots_and_blocks_of_their_own() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(64)).expect("made");
    // The parent holds a slot with a full magazine when it forks.
    let first = heap.allocate(Context::DEFAULT, layout()).expect("room");
    let stop = AtomicBool::new(false);
    // Whoever fails here is waited for by those who disturb.
    watchdog(600);
    let mut blocks = thread::scope(|scope| {
        // Threads that hold locks and claim slots while the process forks.
        let disturb = |_| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let worker = heap.clone();
                    let at = thread::spawn(move || worker.allocate(Context::DEFAULT, layout()));
                    let at = at.join().expect("it ends").expect("room");
                    // SAFETY: the block is live and not used afterwards.
                    unsafe { heap.free(Context::DEFAULT, at, layout()) }.expect("live");
                    let other = HeapOptions::new().create_memfd("other", Size::mib(2));
                    // SAFETY: nothing in the heap is in use.
                    unsafe { other.expect("made").detach() }.expect("the only handle");
                }
            })
        };
        let disturbers: Vec<_> = (0..2).map(disturb).collect();
        let mut own = Vec::new();
        for _ in 0..CHILDREN / TOGETHER {
            let children = [(); TOGETHER].map(|()| forked(|to| have_blocks(&name, to)));
            for _ in 0..BLOCKS / (CHILDREN / TOGETHER) {
                own.push(heap.allocate(Context::DEFAULT, layout()).expect("room").get());
            }
            children.into_iter().for_each(|(from, pid)| own.extend(heard(from, pid)));
        }
        stop.store(true, Ordering::Relaxed);
        // A scope alone would not wait for their slots to come back.
        disturbers.into_iter().for_each(|it| it.join().expect("it ends"));
        own
    });
    blocks.push(first.get());
    let expected = BLOCKS * (CHILDREN + 1) + 1;
    assert_eq!(blocks.len(), expected);
    assert_eq!(blocks.iter().collect::<BTreeSet<_>>().len(), expected, "a block was had twice");
    heap.recover();
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.stats().live_blocks, expected);
}
