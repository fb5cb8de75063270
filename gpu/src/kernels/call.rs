//! A kernel, and what it is to work on.

use std::marker::PhantomData;

use super::{HeapOnDevice, Threads};

/// A kernel and the values that it is to use, which stay borrowed until it is done: what
/// [`Pending::launch`](super::Pending::launch) takes.
#[derive(Debug)]
pub struct Call<'v> {
    pub(super) heap: HeapOnDevice<'v>,
    pub(super) name: &'static str,
    pub(super) threads: Threads,
    pub(super) arguments: Vec<u64>,
    values: PhantomData<&'v mut ()>,
}

impl<'v> Call<'v> {
    /// A kernel of that name, which takes the heap, these arguments and a report.
    pub(super) fn new(
        heap: HeapOnDevice<'v>,
        name: &'static str,
        threads: Threads,
        arguments: &[u64],
    ) -> Self {
        Self { heap, name, threads, arguments: arguments.to_vec(), values: PhantomData }
    }
}
