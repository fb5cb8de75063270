//! The fair lock, step by step: what happens while a waiter sleeps is told.

use core::sync::atomic::{AtomicU32, AtomicUsize};

use super::*;
use crate::thread::{ThreadId, ThreadModel};

const ME: Owner = Owner { pid: 7, start: 1 };
const OTHER: Owner = Owner { pid: 8, start: 1 };

/// Nobody wakes anybody, and what happens meanwhile is told for each sleep.
struct Script<F> {
    sleeps: AtomicU32,
    meanwhile: F,
}

impl<F: Fn(u32)> Script<F> {
    fn new(meanwhile: F) -> Self {
        Self { sleeps: AtomicU32::new(0), meanwhile }
    }
}

impl<F> Liveness for Script<F> {
    fn is_alive(&self, _: Owner) -> bool {
        true
    }
}

impl<F: Fn(u32) + Send + Sync> ThreadModel for Script<F> {
    fn thread_id(&self) -> ThreadId {
        ThreadId(1)
    }

    fn owner(&self) -> Owner {
        ME
    }

    fn yield_now(&self) {}

    fn sleep(&self, _: Duration) {}

    fn wait(&self, _: &AtomicUsize, _: usize, _: Duration) -> bool {
        (self.meanwhile)(self.sleeps.fetch_add(1, Ordering::Relaxed));
        true
    }
}

/// A line whose word says `inside`, `outside` and `round`, in this order.
fn line(inside: usize, outside: usize, round: usize) -> usize {
    inside | outside << 11 | round << 22
}

/// Waits in line; how often it slept.
fn wait(words: &[AtomicUsize; 3], meanwhile: impl Fn(u32) + Send + Sync) -> u32 {
    let [word, line, passes] = words;
    let script = Script::new(meanwhile);
    let taken = FairLock::<Native>::new(word, line, passes).stand_in_line(
        ME.to_word(),
        Patience::Endless,
        &script,
    );
    assert_eq!(taken, Ok(Acquired::Free));
    script.sleeps.into_inner()
}

#[test]
fn who_was_given_up_on_stands_in_line_anew() {
    let words = [OTHER.to_word(), 0, 0].map(AtomicUsize::new);
    let slept = wait(&words, |sleep| match sleep {
        // It was alone, with its turn in the first round.
        0 => words[1].store(line(0, 0, 3), Ordering::Relaxed),
        _ => {
            assert_eq!(words[1].load(Ordering::Relaxed), line(1, 0, 4));
            words[0].store(FREE, Ordering::Relaxed);
        }
    });
    assert_eq!((slept, words[1].load(Ordering::Relaxed)), (2, line(0, 0, 4)));
}

/// Waits behind three whose turn it is and who do nothing; in the sleep of that number the
/// line becomes what is said. How often it slept, and the line then.
fn wait_behind_three(sleep: u32, becomes: usize) -> (u32, usize) {
    let words = [QUEUED, line(3, 0, 1), 0].map(AtomicUsize::new);
    let slept = wait(&words, |number| {
        if number == sleep {
            words[1].store(becomes, Ordering::Relaxed);
        }
    });
    (slept, words[1].load(Ordering::Relaxed))
}

#[test]
fn nobody_is_given_up_on_while_turns_are_taken() {
    assert_eq!(wait_behind_three(1, line(2, 1, 1)), (3, line(0, 0, 2)));
}

#[test]
fn the_dead_are_given_up_on_by_one_that_was_not_counted() {
    assert_eq!(wait_behind_three(0, line(3, 0, 1)).0, 2);
}
