//! Atomics with a defect, to show that a model notices.

use std::{
    fmt,
    marker::PhantomData,
    ops::{BitAnd, BitOr},
    sync::atomic::Ordering,
};

use anymem_core::sync::{AtomicInt, Atomics};

use crate::model::{Model, Thread};

/// What is wrong with the atomics.
pub trait Flaw: Send + Sync + 'static {
    /// Whether `compare_exchange` is a load and a store.
    const TORN_EXCHANGE: bool = false;

    /// Whether swaps and bit operations are a load and a store.
    const TORN_UPDATE: bool = false;

    /// The ordering that is used where `order` was asked for.
    #[must_use]
    fn weaken(order: Ordering) -> Ordering {
        order
    }
}

/// Nothing is released.
#[derive(Debug, Clone, Copy)]
pub struct NoRelease;

impl Flaw for NoRelease {
    fn weaken(order: Ordering) -> Ordering {
        match order {
            Ordering::Release => Ordering::Relaxed,
            Ordering::AcqRel => Ordering::Acquire,
            other => other,
        }
    }
}

/// Nothing is acquired.
#[derive(Debug, Clone, Copy)]
pub struct NoAcquire;

impl Flaw for NoAcquire {
    fn weaken(order: Ordering) -> Ordering {
        match order {
            Ordering::Acquire => Ordering::Relaxed,
            Ordering::AcqRel => Ordering::Release,
            other => other,
        }
    }
}

/// A compare-exchange that somebody may get into.
#[derive(Debug, Clone, Copy)]
pub struct TornExchange;

impl Flaw for TornExchange {
    const TORN_EXCHANGE: bool = true;
}

/// A swap or a bit operation that somebody may get into.
#[derive(Debug, Clone, Copy)]
pub struct TornUpdate;

impl Flaw for TornUpdate {
    const TORN_UPDATE: bool = true;
}

/// The model `M` with the flaw `F` in its atomics.
pub struct Flawed<M, F>(PhantomData<fn() -> (M, F)>);

impl<M, F> fmt::Debug for Flawed<M, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flawed")
    }
}

impl<M: Model, F: Flaw> Atomics for Flawed<M, F> {
    type Word = FlawedInt<M::Word, F>;
    type U32 = FlawedInt<M::U32, F>;

    fn spin_hint() {
        M::spin_hint();
    }

    fn fence(order: Ordering) {
        match F::weaken(order) {
            Ordering::Relaxed => {}
            order => M::fence(order),
        }
    }
}

impl<M: Model, F: Flaw> Model for Flawed<M, F> {
    type Cell = M::Cell;
    type Bed = M::Bed;

    fn word(value: usize) -> Self::Word {
        FlawedInt(M::word(value), PhantomData)
    }

    fn half(value: u32) -> Self::U32 {
        FlawedInt(M::half(value), PhantomData)
    }

    fn together<R: Send + 'static>(threads: Vec<Thread<R>>) -> Vec<R> {
        M::together(threads)
    }
}

/// An atomic integer with a flaw.
pub struct FlawedInt<I, F>(I, PhantomData<fn() -> F>);

impl<I, F> fmt::Debug for FlawedInt<I, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FlawedInt")
    }
}

impl<I: AtomicInt, F: Flaw> FlawedInt<I, F> {
    fn update(&self, order: Ordering, new: impl FnOnce(I::Int) -> I::Int) -> I::Int {
        let before = self.0.load(load_part(F::weaken(order)));
        self.0.store(new(before), store_part(F::weaken(order)));
        before
    }
}

impl<I, F: Flaw> AtomicInt for FlawedInt<I, F>
where
    I: AtomicInt<Int: BitOr<Output = I::Int> + BitAnd<Output = I::Int>>,
{
    type Int = I::Int;

    fn load(&self, order: Ordering) -> I::Int {
        self.0.load(F::weaken(order))
    }

    fn store(&self, value: I::Int, order: Ordering) {
        self.0.store(value, F::weaken(order));
    }

    fn swap(&self, value: I::Int, order: Ordering) -> I::Int {
        if F::TORN_UPDATE {
            return self.update(order, |_| value);
        }
        self.0.swap(value, F::weaken(order))
    }

    fn compare_exchange(
        &self,
        current: I::Int,
        new: I::Int,
        success: Ordering,
        failure: Ordering,
    ) -> Result<I::Int, I::Int> {
        if !F::TORN_EXCHANGE {
            return self.0.compare_exchange(current, new, F::weaken(success), F::weaken(failure));
        }
        let found = self.0.load(load_part(F::weaken(success)));
        if found != current {
            return Err(found);
        }
        self.0.store(new, store_part(F::weaken(success)));
        Ok(found)
    }

    fn fetch_add(&self, value: I::Int, order: Ordering) -> I::Int {
        self.0.fetch_add(value, F::weaken(order))
    }

    fn fetch_or(&self, mask: I::Int, order: Ordering) -> I::Int {
        if F::TORN_UPDATE {
            return self.update(order, |before| before | mask);
        }
        self.0.fetch_or(mask, F::weaken(order))
    }

    fn fetch_and(&self, mask: I::Int, order: Ordering) -> I::Int {
        if F::TORN_UPDATE {
            return self.update(order, |before| before & mask);
        }
        self.0.fetch_and(mask, F::weaken(order))
    }
}

fn load_part(order: Ordering) -> Ordering {
    if matches!(order, Ordering::Acquire | Ordering::AcqRel) {
        Ordering::Acquire
    } else {
        Ordering::Relaxed
    }
}

fn store_part(order: Ordering) -> Ordering {
    if matches!(order, Ordering::Release | Ordering::AcqRel) {
        Ordering::Release
    } else {
        Ordering::Relaxed
    }
}
