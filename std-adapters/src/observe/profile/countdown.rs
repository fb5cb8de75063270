//! When a block is to be taken.
//!
//! The distances between the marks of a Poisson process are independent and
//! distributed exponentially, with mean 1 if they are counted in rates: the
//! negative logarithm of a number that is uniform in (0, 1]. Each thread goes
//! from mark to mark of its own, and after one it may start anew, for the
//! distribution has no memory. (L. Devroye, *Non-Uniform Random Variate
//! Generation*, 1986, II.2 and VI.1.)
//!
//! The numbers come from SplitMix64 (G. Steele, D. Lea, C. Flood, *Fast
//! Splittable Pseudorandom Number Generators*, OOPSLA 2014).

use core::cell::Cell;
use core::hash::{BuildHasher, Hasher};
use core::sync::atomic::{AtomicBool, Ordering};
use std::hash::RandomState;

use crate::thread::fork;
use crate::thread::hooks::Hook;

/// A forked child has marks of its own, or the samples of all children of a
/// process would be alike.
static FORGET: Hook = Hook::new(|| {
    STARTED.set(false);
    IN_CHILD.store(true, Ordering::Relaxed);
});

/// Whether this process was forked since [`prepare`].
static IN_CHILD: AtomicBool = AtomicBool::new(false);

thread_local! {
    static STARTED: Cell<bool> = const { Cell::new(false) };
    static RANDOM: Cell<u64> = const { Cell::new(0) };
    /// Rates until the next mark.
    static LEFT: Cell<f64> = const { Cell::new(0.0) };
}

/// To be called before anything else here.
pub(super) fn prepare() {
    fork::call_in_child(&FORGET);
}

pub(super) fn is_in_child() -> bool {
    IN_CHILD.load(Ordering::Relaxed)
}

/// Whether there is a mark in the calling thread's next `bytes`.
pub(super) fn is_due(bytes: usize, rate: usize) -> bool {
    if rate <= 1 {
        return true;
    }
    if !STARTED.replace(true) {
        start();
    }
    let left = LEFT.get() - bytes as f64 / rate as f64;
    LEFT.set(if left < 0.0 { distance() } else { left });
    left < 0.0
}

/// How likely it is that there is one.
pub(super) fn probability(bytes: usize, rate: usize) -> f64 {
    if rate <= 1 { 1.0 } else { -libm::expm1(-(bytes as f64) / rate as f64) }
}

#[cold]
fn start() {
    RANDOM.set(RandomState::new().build_hasher().finish());
    LEFT.set(distance());
}

/// How far it is to the next mark.
fn distance() -> f64 {
    let uniform = ((next() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    -libm::log(uniform)
}

/// SplitMix64's next number.
fn next() -> u64 {
    let state = RANDOM.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    RANDOM.set(state);
    let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
