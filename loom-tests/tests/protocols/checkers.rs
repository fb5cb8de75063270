//! What the checkers themselves must be able to see.

use std::sync::{
    Arc, Mutex,
    atomic::Ordering::{AcqRel, Relaxed, Release},
};

use anymem_core::sync::AtomicInt;
use anymem_loom_tests::{Loom, LoomWord, Model, explore, thread};

/// Every pair of values that `first` and `second` return in any execution.
fn outcomes(first: fn(&LoomWord) -> usize, second: fn(&LoomWord) -> usize) -> Vec<[usize; 2]> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let seen_by_model = Arc::clone(&seen);
    explore(None, move || {
        let word = Arc::new(Loom::word(0));
        let both = Loom::together(vec![thread(&word, first), thread(&word, second)]);
        seen_by_model.lock().unwrap().push([both[0], both[1]]);
    });
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    seen.dedup();
    seen
}

fn load(word: &LoomWord) -> usize {
    word.load(Relaxed)
}

fn load_then_store(word: &LoomWord) -> usize {
    let before = word.load(Relaxed);
    word.store(before + 1, Release);
    before
}

fn load_then_exchange(word: &LoomWord) -> usize {
    let before = word.load(Relaxed);
    word.compare_exchange(before, before + 1, AcqRel, Relaxed).unwrap_or(7)
}

#[test]
fn a_load_comes_before_and_after_anothers_load_and_store() {
    assert_eq!(outcomes(load_then_store, load), [[0, 0], [0, 1]]);
    assert_eq!(outcomes(load, load_then_store), [[0, 0], [1, 0]]);
}

#[test]
fn a_load_comes_before_and_after_anothers_exchange() {
    assert_eq!(outcomes(load_then_exchange, load), [[0, 0], [0, 1]]);
    assert_eq!(outcomes(load, load_then_exchange), [[0, 0], [1, 0]]);
}

#[test]
fn two_increments_are_lost_or_not() {
    assert_eq!(outcomes(load_then_store, load_then_store), [[0, 0], [0, 1], [1, 0]]);
    assert_eq!(outcomes(load_then_exchange, load_then_exchange), [[0, 1], [0, 7], [1, 0], [7, 0]]);
}

#[test]
fn three_threads_run_in_any_order() {
    explore(None, || {
        let word = Arc::new(Loom::word(0));
        let bump = |by| thread(&word, move |word| word.fetch_add(by, Relaxed));
        let before = Loom::together(vec![bump(1), bump(2), bump(4)]);
        assert_eq!(before.iter().filter(|&&before| before == 0).count(), 1);
    });
}
