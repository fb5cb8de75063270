//! Processes share a deque, a list, a slot map and a small vector under a lock, and
//! some are killed at them:
//!
//! - those that live find in them what they put there, whole and in order;
//! - of what a dead one was doing, either nothing is there or all of it.

use anymem::container::{
    ContainerError, LockError, MutexGuard, ShmBox, ShmDeque, ShmList, ShmMutex, ShmSafe,
    ShmSlotMap, ShmSmallVec, ShmString,
};
use anymem::{SharedHeap, Size};
use anymem_core::allocator::Allocator;
use anymem_tests::{Name, Peer, listen, role, tell};

/// What they share: each process keeps its last few texts in each.
#[derive(ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Shelf {
    deque: ShmDeque<ShmString>,
    list: ShmList<ShmString>,
    slots: ShmSlotMap<ShmString>,
    small: ShmSmallVec<ShmString, 8>,
}

type Board = ShmMutex<Shelf>;

/// Texts that each process keeps.
const KEPT: u64 = 5;

/// Texts that each process adds if it may.
const TURNS: u64 = 1000;

/// Long enough for a block.
fn text(process: u64, turn: u64) -> String {
    format!("{process}: {turn:050}")
}

fn lock(board: &Board) -> MutexGuard<'_, Shelf> {
    match board.lock() {
        Ok(guard) => guard,
        Err(LockError::Inconsistent { mut guard, .. }) => {
            guard.mark_consistent();
            guard
        }
        Err(error) => panic!("{error}"),
    }
}

impl Shelf {
    fn new(heap: &SharedHeap) -> Self {
        Self {
            deque: ShmDeque::new_in(heap),
            list: ShmList::new_in(heap),
            slots: ShmSlotMap::new_in(heap),
            small: ShmSmallVec::new_in(heap),
        }
    }

    /// Adds a text to each, and drops an old one.
    fn turn(&mut self, process: u64, turn: u64, heap: &SharedHeap) -> Result<(), ContainerError> {
        let new = || ShmString::from_str_in(&text(process, turn), heap);
        self.deque.push_back(new()?)?;
        self.list.push_back(new()?)?;
        self.slots.insert(new()?)?;
        self.small.insert(self.small.len() / 2, new()?)?;
        let Some(old) = turn.checked_sub(KEPT) else { return Ok(()) };
        let old = text(process, old);
        self.deque.retain(|it| *it != *old)?;
        self.list.retain(|it| *it != *old)?;
        self.slots.retain(|_, it| *it != *old)?;
        self.small.retain(|it| *it != *old)?;
        self.small.shrink_to_fit()
    }

    /// The texts of a process in each of them.
    fn of(&self, process: u64) -> Result<[Vec<String>; 4], ContainerError> {
        self.deque.check()?;
        self.list.check()?;
        self.slots.check()?;
        self.small.check()?;
        let prefix = format!("{process}:");
        let mine = |texts: &mut dyn Iterator<Item = &ShmString>| {
            let texts = texts.map(ToString::to_string);
            texts.filter(|it| it.starts_with(&prefix)).collect::<Vec<_>>()
        };
        let mut found = [
            mine(&mut self.deque.iter()?),
            mine(&mut self.list.iter()?),
            mine(&mut self.slots.values()?),
            mine(&mut self.small.iter()?),
        ];
        // In the others the order says nothing.
        found[2..].iter_mut().for_each(|texts| texts.sort_unstable());
        Ok(found)
    }
}

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let heap = SharedHeap::open(&words[0]).expect("there");
    let board = heap.root::<Board>("board").expect("there");
    let process: u64 = words[1].parse().expect("a number");
    let is_victim = words[2] == "victim";
    tell("ready");
    assert_eq!(listen(), "go");
    for turn in 0.. {
        if !is_victim && turn == TURNS {
            break;
        }
        lock(board).turn(process, turn, &heap).expect("in order");
        if is_victim && turn == 2 * KEPT {
            tell("busy");
        }
    }
}

#[test]
fn processes_share_sequences_and_die_at_them() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(16)).expect("a new name");
    let board = ShmBox::new_in(Board::new_in(Shelf::new(&heap), &heap), &heap).expect("room");
    let board = heap.bind_root("board", board).expect("a new root");
    let kind = |process: u64| if process.is_multiple_of(2) { "survivor" } else { "victim" };
    let start = |process: u64| Peer::start(&[&name, &process.to_string(), kind(process)]);
    let mut peers: Vec<_> = (0..4).map(start).collect();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
    peers.iter_mut().for_each(|peer| peer.say("go"));
    let mut survivors = Vec::new();
    for (process, mut peer) in (0..).zip(peers) {
        if kind(process) == "survivor" {
            survivors.push(peer);
        } else {
            assert_eq!(peer.hear(), "busy");
            peer.kill();
        }
    }
    survivors.into_iter().for_each(Peer::finish);

    heap.recover();
    let shelf = lock(board);
    for process in 0..4 {
        let found = shelf.of(process).expect("in order");
        for texts in &found {
            assert!(texts.is_sorted(), "{texts:?}");
            if kind(process) == "survivor" {
                let last: Vec<_> = (TURNS - KEPT..TURNS).map(|it| text(process, it)).collect();
                assert_eq!(*texts, last);
            } else {
                assert!((KEPT..=KEPT + 1).contains(&(texts.len() as u64)), "{texts:?}");
            }
        }
    }
    drop(shelf);
    heap.check().expect("in order");
    assert_eq!(heap.stats().double_frees, 0);
    // SAFETY: the other processes have ended, and `board` is not used any more.
    drop(unsafe { heap.unbind_root::<Board>("board") }.expect("there"));
    // What the dead had in their hands: a text each at most.
    assert!(heap.stats().live_blocks <= 2, "{:?}", heap.stats());
}
