//! What a scenario asks of a model checker.

use std::sync::Arc;

use anymem_core::sync::Atomics;

/// A model checker's atomics, threads and data cells.
pub trait Model: Atomics {
    /// Plain data that one thread at a time may own.
    type Cell: Cell;

    /// A word that holds `value`.
    fn word(value: usize) -> Self::Word;

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
