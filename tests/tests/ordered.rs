//! Processes share an ordered map under a lock, and some are killed at it:
//!
//! - those that live find in it what they put there, whole and in order;
//! - of what a dead one was doing, either nothing is there or all of it.

use std::ops::ControlFlow;

use anymem::allocator::Allocator;
use anymem::container::{LockError, MutexGuard, ShmBTreeMap, ShmBox, ShmMutex, ShmString};
use anymem::{SharedHeap, Size};
use anymem_tests::{Name, Peer, listen, role, tell};

type Board = ShmMutex<ShmBTreeMap<u64, ShmString>>;

/// Entries that each process keeps.
const KEPT: u64 = 100;

/// Entries that each process adds if it may.
const TURNS: u64 = 3000;

/// Where the keys of a process start.
fn first_key(process: u64) -> u64 {
    process << 32
}

fn text(key: u64) -> String {
    format!("{key:050}")
}

fn lock(board: &Board) -> MutexGuard<'_, ShmBTreeMap<u64, ShmString>> {
    match board.lock() {
        Ok(guard) => guard,
        Err(LockError::Inconsistent { mut guard, .. }) => {
            guard.mark_consistent();
            guard
        }
        Err(error) => panic!("{error}"),
    }
}

/// Adds entries, and removes those that are too many.
#[test]
fn peer() {
    let Some(words) = role() else { return };
    let heap = SharedHeap::open(&words[0]).expect("there");
    let board = heap.root::<Board>("board").expect("there");
    let first = first_key(words[1].parse().expect("a number"));
    let is_victim = words[2] == "victim";
    tell("ready");
    assert_eq!(listen(), "go");
    let work = (0_u64..).try_for_each(|turn| {
        let key = first + turn;
        let value = ShmString::from_str_in(&text(key), &heap).expect("room");
        let mut map = lock(board);
        assert!(map.insert(key, value).expect("room").is_none());
        if let Some(old) = turn.checked_sub(KEPT) {
            let gone = map.remove(&(first + old)).expect("in order").expect("there");
            assert_eq!(gone, *text(first + old));
        }
        let mine = map.range(first..=key).expect("in order");
        assert!(mine.rev().zip(0..).all(|((found, _), back)| *found == key - back));
        drop(map);
        if is_victim && turn == 2 * KEPT {
            tell("busy");
        }
        if is_victim || turn + 1 < TURNS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    });
    assert_eq!(work, ControlFlow::Break(()));
}

#[test]
fn processes_share_an_ordered_map_and_die_at_it() {
    let name = Name::new();
    let heap = SharedHeap::create(&name, Size::mib(16)).expect("a new name");
    let board = Board::new_in(ShmBTreeMap::new_in(&heap), &heap);
    let board = heap.bind_root("board", ShmBox::new_in(board, &heap).expect("room"));
    let board = board.expect("a new root");
    let start = |number: u64| {
        let kind = if number.is_multiple_of(2) { "survivor" } else { "victim" };
        Peer::start(&[&name, &number.to_string(), kind])
    };
    let mut peers: Vec<_> = (0..4).map(start).collect();
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hear(), "ready"));
    peers.iter_mut().for_each(|peer| peer.say("go"));
    let (mut victims, mut survivors) = (Vec::new(), Vec::new());
    for (number, peer) in peers.into_iter().enumerate() {
        if number % 2 == 0 { survivors.push(peer) } else { victims.push(peer) }
    }
    for mut victim in victims {
        assert_eq!(victim.hear(), "busy");
        victim.kill();
    }
    survivors.into_iter().for_each(Peer::finish);

    heap.recover();
    let map = lock(board);
    map.check().expect("in order");
    for (key, value) in map.iter().expect("in order") {
        assert_eq!(*value, *text(*key));
    }
    for process in 0..4 {
        let keys = first_key(process)..first_key(process + 1);
        let mine: Vec<u64> = map.range(keys).expect("in order").map(|(key, _)| *key).collect();
        assert!(mine.windows(2).all(|pair| pair[1] == pair[0] + 1), "no key is missing");
        match process % 2 {
            0 => assert_eq!(mine.last(), Some(&(first_key(process) + TURNS - 1))),
            _ => assert!((KEPT..=KEPT + 1).contains(&(mine.len() as u64))),
        }
    }
    drop(map);
    heap.check().expect("in order");
    assert_eq!(heap.stats().double_frees, 0);
    // SAFETY: the other processes have ended, and `board` is not used any more.
    drop(unsafe { heap.unbind_root::<Board>("board") }.expect("there"));
    // What the dead had in their hands: a text each at most.
    assert!(heap.stats().live_blocks <= 2, "{:?}", heap.stats());
}
