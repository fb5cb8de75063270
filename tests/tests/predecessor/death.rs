//! Processes that fork, and that are killed.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::sync::atomic::AtomicUsize;

use anymem::container::ShmHashMap;
use anymem::sync::{Acquired, RobustLock};
use anymem::thread::PthreadModel;
use anymem::{HeapOptions, SharedHeap, Size};
use anymem_core::allocator::Allocator;
use anymem_core::offset::Offset;
use anymem_core::thread::{Context, Liveness};
use anymem_tests::heap::{bytes, fill, free, layout};
use anymem_tests::{Name, Peer, Random, ShadowHeap, tell, watchdog};

const KILLS: usize = 200;

/// Blocks that a victim has in use at a time.
const HELD: usize = 8;

/// A process killed while it allocated stopped all others for ever at the
/// second kill; what the dead had held was lost to everybody.
#[test]
fn survivors_go_on_after_two_hundred_kills() {
    Peer::start(&["survivor"]).finish();
}

/// In a process of its own, which a watchdog ends if it is stopped.
pub(super) fn survive() {
    let name = Name::new();
    let heap = HeapOptions::new().slots(3).create(&name, Size::mib(32)).expect("a new name");
    let map = heap.root_or_create("map", ShmHashMap::<u64, u64>::new_in);
    let map = map.expect("room");
    let baseline = heap.stats().live_blocks;
    let (mut shadow, mut random) = (ShadowHeap::new(), Random::new(1));
    for kill in 0..KILLS {
        watchdog(600);
        let mut victim = Peer::start(&["victim", &name, &kill.to_string()]);
        assert_eq!(victim.hear(), "going");
        for turn in 0..100 + random.below(300) {
            let block = layout(random.size(), 8);
            shadow.allocate(&heap, Context::DEFAULT, block).expect("room");
            if turn % 2 == 0 || shadow.len() > 100 {
                shadow.free_nth(&heap, Context::DEFAULT, random.below(100));
            }
            count(map, random.bits() % 500);
        }
        let pid = victim.pid();
        victim.kill();
        shadow.check_all(&heap);
        heap.recover();
        assert!(heap.owners().all(|owner| owner.pid != pid), "its slot came back");
        assert_eq!(heap.check(), Ok(()), "after kill {kill}");
        map.check().expect("in order");
    }
    shadow.free_all(&heap, Context::DEFAULT);
    assert!(heap.owners().all(|owner| PthreadModel.is_alive(owner)));
    // What the dead had in use, one block in flight each, and the map.
    let left = heap.stats().live_blocks;
    let most = baseline + KILLS * (HELD + 2) + map.shards() * 4;
    assert!(left <= most, "{left} blocks are left, {most} at most were lost");
}

fn count(map: &ShmHashMap<u64, u64>, key: u64) {
    map.upsert(&key, |_| Ok(key), 0, |count| *count += 1).expect("room");
}

/// Uses heap and map until it is killed.
pub(super) fn be_killed(name: &str, seed: &str) {
    let heap = SharedHeap::open(name).expect("there");
    let map = heap.root::<ShmHashMap<u64, u64>>("map").expect("there");
    let (mut shadow, mut random) =
        (ShadowHeap::new(), Random::new(seed.parse().expect("a number")));
    for turn in 0_u64.. {
        if shadow.len() < HELD {
            let size = random.below(3000);
            shadow.allocate(&heap, Context::DEFAULT, layout(size, 8)).expect("room");
        } else {
            shadow.free_nth(&heap, Context::DEFAULT, random.below(HELD));
        }
        let size = random.below(2000);
        shadow.reallocate_nth(&heap, Context::DEFAULT, random.below(HELD), size).expect("room");
        count(map, random.bits() % 500);
        if turn % 3 == 0 {
            map.remove(&(random.bits() % 500)).expect("in order");
        }
        if turn == 20 {
            tell("going");
        }
    }
}

/// A lock whose holder died was held for ever.
#[test]
fn a_lock_of_the_dead_is_taken_over() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(1)).expect("a new name");
    let word = heap.root_or_create("lock", |_| Ok(AtomicUsize::new(0))).expect("room");
    let lock: RobustLock<'_> = RobustLock::new(word);
    for _ in 0..20 {
        let mut holder = Peer::start(&["holder", &name]);
        assert_eq!(holder.hear(), "held");
        let me = anymem_core::thread::ThreadModel::owner(&PthreadModel);
        assert_eq!(lock.try_acquire(me, &PthreadModel), None, "a living process has it");
        let pid = holder.pid();
        holder.kill();
        match lock.acquire(&PthreadModel) {
            Acquired::Recovered(owner) => assert_eq!(owner.pid, pid),
            Acquired::Free => panic!("it was held"),
        }
        lock.release();
    }
}

/// Takes the lock and keeps it.
pub(super) fn hold_lock(name: &str) {
    let heap = SharedHeap::open(name).expect("there");
    let word = heap.root::<AtomicUsize>("lock").expect("there");
    let lock: RobustLock<'_> = RobustLock::new(word);
    assert_eq!(lock.acquire(&PthreadModel), Acquired::Free);
    tell("held");
    loop {
        std::thread::park();
    }
}

/// A forked child went on with its parent's slot: both got the same blocks.
#[test]
fn parent_and_child_never_get_the_same_block() {
    Peer::start(&["fork"]).finish();
}

const BLOCKS: usize = 3000;

/// In a process of its own, which is copied.
pub(super) fn fork_twice() {
    let heap = HeapOptions::new().create_memfd("it", Size::mib(32)).expect("room");
    // A full magazine, and blocks for the child to free.
    let before = allocate(&heap, 0);
    let given = allocate(&heap, 1);
    let mut pipes = Vec::new();
    for child in 0..4_u8 {
        let (from, to) = pipe();
        // SAFETY: the child uses the heap and the pipe, and ends.
        let pid = unsafe { libc::fork() };
        if pid == 0 {
            watchdog(600);
            drop(from);
            be_child(&heap, child, &given, to);
        }
        pipes.push((pid, from, child));
    }
    let own = allocate(&heap, 9);
    let mut seen: BTreeSet<_> = before.iter().chain(&own).copied().collect();
    assert_eq!(seen.len(), before.len() + own.len());
    for (pid, mut from, child) in pipes {
        let mut said = Vec::new();
        from.read_to_end(&mut said).expect("readable");
        let mut status = 0;
        // SAFETY: waits for a child of this process.
        unsafe { libc::waitpid(pid, &raw mut status, 0) };
        assert_eq!(status, 0, "child {child} failed");
        let blocks: Vec<_> = said
            .chunks_exact(8)
            .map(|word| Offset::new(usize::from_ne_bytes(word.try_into().expect("a word"))))
            .collect();
        assert_eq!(blocks.len(), BLOCKS);
        for at in blocks {
            assert!(seen.insert(at), "{at} was had twice");
            assert_eq!(bytes(&heap, at, 48), [child + 10; 48]);
            free(&heap, at, layout(48, 8));
        }
    }
    for (blocks, with) in [(before, 0), (own, 9)] {
        for at in blocks {
            assert_eq!(bytes(&heap, at, 48), [with; 48]);
            free(&heap, at, layout(48, 8));
        }
    }
    heap.recover();
    assert_eq!(heap.check(), Ok(()));
    assert_eq!(heap.stats().live_blocks, 0);
    assert!(heap.owners().all(|owner| owner.pid == std::process::id()));
}

fn allocate(heap: &SharedHeap, with: u8) -> Vec<Offset> {
    let one = |_| {
        let at = heap.allocate(Context::DEFAULT, layout(48, 8)).expect("room");
        fill(heap, at, 48, with);
        at
    };
    (0..BLOCKS).map(one).collect()
}

/// Frees a quarter of the parent's blocks, allocates its own, tells them, ends.
fn be_child(heap: &SharedHeap, child: u8, given: &[Offset], mut to: File) -> ! {
    for &at in given.iter().skip(child.into()).step_by(4) {
        assert_eq!(bytes(heap, at, 48), [1; 48]);
        free(heap, at, layout(48, 8));
    }
    let own = allocate(heap, child + 10);
    // A thread of the child has a slot of its own as well.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..1000 {
                let at = heap.allocate(Context::DEFAULT, layout(100, 8)).expect("room");
                free(heap, at, layout(100, 8));
            }
        });
    });
    let said: Vec<u8> = own.iter().flat_map(|at| at.get().to_ne_bytes()).collect();
    let told = to.write_all(&said).is_ok();
    drop(to);
    // SAFETY: ends the process.
    unsafe { libc::_exit(i32::from(!told)) }
}

fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: two descriptors fit, and nobody else has them.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    }
}
