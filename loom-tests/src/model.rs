//! What a scenario asks of a model checker.

use std::sync::Arc;

use anymem_core::sync::Atomics;

/// A model checker's atomics, threads and data cells.
pub trait Model: Atomics {
    /// Plain data that one thread at a time may own.
    type Cell: Cell;

    /// Where threads sleep.
    type Bed: Bed;

    /// A word that holds `value`.
    fn word(value: usize) -> Self::Word;

    /// 32 bits that hold `value`.
    fn half(value: u32) -> Self::U32;

    /// Runs threads at the same time, the last one on the calling thread; what
    /// each returned.
    fn together<R: Send + 'static>(threads: Vec<Thread<R>>) -> Vec<R>;
}

/// Plain data, as blocks and descriptors hold it.
pub trait Cell: Default + Send + Sync + 'static {
    /// Accesses the data as its only owner does.
    ///
    /// Fails if another access is not ordered before or after this one.
    fn touch(&self);

    /// Accesses the data as one of those who share it does.
    ///
    /// Fails if an access by its only owner is not ordered before or after this
    /// one.
    fn look(&self);
}

/// Where threads sleep that wait for a word: what the kernel knows of it.
///
/// A sleeper wakes when it is woken, and for no other reason: a wake-up that is
/// lost is a deadlock, which the checkers report. Real sleepers also wake after a
/// while. That is of use only when somebody has died, so from then on
/// ([`end`](Bed::end)) nobody sleeps any more.
pub trait Bed: Default + Send + Sync + 'static {
    /// Sleeps if `still` is true; whether nobody woke the thread.
    fn sleep_if(&self, still: impl FnOnce() -> bool) -> bool;

    /// Wakes `most` sleepers at most; how many.
    fn wake(&self, most: u32) -> u32;

    /// From here on nobody sleeps.
    fn end(&self);
}

/// Implements [`Bed`] for a struct with a checker's mutex around
/// [`Sleepers`] and its condition variable.
#[macro_export]
#[doc(hidden)]
macro_rules! model_bed {
    ($bed:ty, $yield_now:path) => {
        impl $crate::Bed for $bed {
            fn sleep_if(&self, still: impl FnOnce() -> bool) -> bool {
                let mut sleepers = self.sleepers.lock().unwrap();
                if !still() {
                    return false;
                }
                if sleepers.ended {
                    drop(sleepers);
                    $yield_now();
                    return true;
                }
                sleepers.count += 1;
                sleepers = self.woken.wait(sleepers).unwrap();
                sleepers.ended
            }

            fn wake(&self, most: u32) -> u32 {
                let mut sleepers = self.sleepers.lock().unwrap();
                let woken = most.min(sleepers.count);
                sleepers.count -= woken;
                (0..woken).for_each(|_| self.woken.notify_one());
                woken
            }

            fn end(&self) {
                let mut sleepers = self.sleepers.lock().unwrap();
                sleepers.ended = true;
                sleepers.count = 0;
                self.woken.notify_all();
            }
        }
    };
}

/// Who sleeps in a bed.
#[derive(Debug, Default)]
pub struct Sleepers {
    /// How many, of those who were not woken.
    pub count: u32,
    /// Whether nobody sleeps any more.
    pub ended: bool,
}

/// What a thread does.
pub type Thread<R> = Box<dyn FnOnce() -> R + Send>;

/// A thread that shares `shared` with others.
pub fn thread<T, R>(shared: &Arc<T>, run: impl FnOnce(&T) -> R + Send + 'static) -> Thread<R>
where
    T: Send + Sync + 'static,
{
    let shared = Arc::clone(shared);
    Box::new(move || run(&shared))
}
