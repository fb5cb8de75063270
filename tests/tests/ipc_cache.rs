//! Files of other processes that are mapped in this one: how many, and which.

use anymem_tests::{Directory, Peer, role, sharer};

#[test]
fn peer() {
    if role().is_some() {
        sharer::share();
    }
}

fn process() -> Peer {
    Peer::start(&["share"])
}

/// A process that offers a page of each kind of memory, and the handles.
fn owner(kinds: &[&str]) -> (Peer, Vec<String>) {
    let mut owner = process();
    let words = (1..)
        .zip(kinds)
        .map(|(byte, kind)| {
            assert_eq!(owner.does(&format!("provider {kind}")), "made");
            owner.does(&format!("allocate 4096 4096 {byte}"))
        })
        .collect();
    (owner, words)
}

fn open(other: &mut Peer, words: &[String], which: usize) {
    let byte = which + 1;
    let seen = other.does(&format!("open {}", words[which]));
    assert_eq!(seen, format!("({byte}, {byte})"));
}

/// What the process has counted: open, in use, hits, misses, evictions.
fn stats(other: &mut Peer) -> [u64; 5] {
    ["open", "in_use", "hits", "misses", "evictions"]
        .map(|name| other.does(&format!("get ipc.stats.{name}")).parse().expect("a number"))
}

#[test]
fn what_is_mapped_is_counted_and_found_again() {
    let (mut owner, words) = owner(&["memfd", "memfd"]);
    let mut other = process();
    assert_eq!(stats(&mut other), [0; 5]);
    open(&mut other, &words, 0);
    open(&mut other, &words, 0);
    open(&mut other, &words, 1);
    assert_eq!(stats(&mut other), [2, 2, 1, 2, 0]);
    for which in 0..3 {
        other.does(&format!("close {which}"));
    }
    assert_eq!(stats(&mut other), [2, 0, 1, 2, 0], "they stay mapped");
    open(&mut other, &words, 1);
    assert_eq!(stats(&mut other), [2, 1, 2, 2, 0]);
    assert_eq!(other.does("trim"), "1");
    assert_eq!(stats(&mut other), [1, 1, 2, 2, 0], "trimming is no eviction");
    assert_eq!(owner.does("get ipc.stats.offered"), "2");
    owner.finish();
    other.finish();
}

#[test]
fn what_was_used_longest_ago_goes_first_and_what_is_in_use_stays() {
    let (owner, words) = owner(&["memfd"; 5]);
    let mut other = process();
    assert_eq!(other.does("set ipc.max_opened_handles 3"), "()");
    for which in 0..4 {
        open(&mut other, &words, which);
    }
    assert_eq!(stats(&mut other), [4, 4, 0, 4, 0], "more than the limit, but all in use");
    assert_eq!(other.does("close 1"), "closed");
    assert_eq!(stats(&mut other)[..2], [3, 3], "back to the limit");
    assert_eq!(other.does("read 0"), "(1, 1)");
    for which in [3, 0, 2] {
        other.does(&format!("close {which}"));
    }
    open(&mut other, &words, 4);
    assert_eq!(stats(&mut other), [3, 1, 0, 5, 2]);
    // The fourth was closed before the others, so it went.
    open(&mut other, &words, 0);
    open(&mut other, &words, 2);
    assert_eq!(stats(&mut other), [3, 3, 2, 5, 2]);
    other.does("close 0");
    open(&mut other, &words, 3);
    assert_eq!(stats(&mut other), [3, 3, 2, 6, 3]);
    assert_eq!(other.does("set ipc.max_opened_handles 1"), "()");
    assert_eq!(stats(&mut other)[..2], [3, 3]);
    assert!(other.does("set ipc.max_opened_handles none").starts_with("WrongType"));
    owner.finish();
    other.finish();
}

/// (UMF defect D12: a mapping was taken away by the provider of the next one.)
#[test]
fn each_kind_of_memory_is_closed_as_it_was_opened() {
    let dir = Directory::new("ipc-mixed");
    let path = dir.path().join("anymem-file");
    let file = format!("file {}", path.display());
    let shm = format!("shm anymem.mixed.{}", std::process::id());
    let (mut owner, words) = owner(&["memfd", &shm, &file]);
    let mut other = process();
    assert_eq!(other.does("set ipc.max_opened_handles 1"), "()");
    for (round, which) in [0, 1, 2, 1, 0, 2, 0].into_iter().enumerate() {
        // What POSIX shared memory was called goes with its provider.
        if which == 1 && round > 0 {
            continue;
        }
        let opened = other.does(&format!("open {}", words[which]));
        let byte = which + 1;
        assert_eq!(opened, format!("({byte}, {byte})"));
        assert_eq!(stats(&mut other)[..2], [1, 1]);
        assert_eq!(other.does("close 0"), "closed");
    }
    assert_eq!(stats(&mut other)[0], 1);
    assert_eq!(other.does("maps anymem-file"), "0");
    assert_eq!(other.does("files anymem-file"), "0");
    assert_eq!(other.does("trim"), "1");
    assert_eq!(other.does("maps anymem"), "0");
    owner.does("drop");
    owner.finish();
    other.finish();
}

/// (UMF defect D13: what could not be opened left an entry in use.)
#[test]
fn what_cannot_be_opened_leaves_nothing() {
    let (mut owner, words) = owner(&["memfd"]);
    let mut other = process();
    open(&mut other, &words, 0);
    owner.does("put 0");
    for _ in 0..3 {
        assert_eq!(other.does(&format!("open {}", words[0])), "Withdrawn");
    }
    assert_eq!(stats(&mut other), [1, 1, 0, 1, 0]);
    other.does("close 0");
    assert_eq!(other.does("trim"), "1", "nobody is counted that has failed");
    assert_eq!(other.does(&format!("open {}", words[0])), "Withdrawn");
    assert_eq!(stats(&mut other), [0, 0, 0, 1, 0]);
    owner.finish();
    other.finish();
}

#[test]
fn the_environment_says_how_many() {
    let (owner, words) = owner(&["memfd"; 3]);
    let mut command = Peer::command(&["share"]);
    let mut other = Peer::from_command(command.env("ANYMEM_MAX_OPENED_IPC_HANDLES", "1"));
    for which in 0..3 {
        open(&mut other, &words, which);
        other.does("close 0");
    }
    assert_eq!(stats(&mut other), [1, 0, 0, 3, 2]);
    assert_eq!(other.does("get ipc.max_opened_handles"), "1");
    let mut command = Peer::command(&["share"]);
    let mut wrong = Peer::from_command(command.env("ANYMEM_MAX_OPENED_IPC_HANDLES", "many"));
    assert_eq!(wrong.does("get ipc.max_opened_handles"), "0");
    assert!(wrong.does("problems").contains("ANYMEM_MAX_OPENED_IPC_HANDLES"), "it is told");
    [owner, other, wrong].into_iter().for_each(Peer::finish);
}
