//! Kernels over vectors and lists.

use anymem_core::container::{ShmList, ShmVec};

use super::{HeapOnDevice, KernelError, Kernels, Outcome, Threads};
use crate::Stream;

impl Kernels {
    /// Adds up a vector.
    ///
    /// # Errors
    ///
    /// See [`KernelError`].
    pub fn vec_sum(
        &self,
        stream: &Stream,
        heap: HeapOnDevice<'_>,
        vec: &ShmVec<u64>,
    ) -> Result<Outcome, KernelError> {
        self.run(stream, heap, "anymem_vec_sum", Threads::for_elements(vec.len()), &[heap.at(vec)?])
    }

    /// Counts the elements of a vector that are `wanted`.
    ///
    /// # Errors
    ///
    /// See [`KernelError`].
    pub fn vec_count(
        &self,
        stream: &Stream,
        heap: HeapOnDevice<'_>,
        vec: &ShmVec<u64>,
        wanted: u64,
    ) -> Result<Outcome, KernelError> {
        let threads = Threads::for_elements(vec.len());
        self.run(stream, heap, "anymem_vec_count", threads, &[heap.at(vec)?, wanted])
    }

    /// Makes the elements of a vector `first`, `first + step`, and so on; how many.
    ///
    /// # Errors
    ///
    /// See [`KernelError`].
    pub fn vec_fill(
        &self,
        stream: &Stream,
        heap: HeapOnDevice<'_>,
        vec: &mut ShmVec<u64>,
        (first, step): (u64, u64),
    ) -> Result<u64, KernelError> {
        let threads = Threads::for_elements(vec.len());
        let arguments = [heap.at(vec)?, first, step];
        Ok(self.run(stream, heap, "anymem_vec_fill", threads, &arguments)?.count)
    }

    /// Has each of the threads wait for `us` microseconds and yield, and write its number to its
    /// element of a vector: the [thread model](self#threads) of the device.
    ///
    /// What comes back is how many threads there were, and how many elements were written.
    ///
    /// # Errors
    ///
    /// See [`KernelError`].
    pub fn thread_ids(
        &self,
        stream: &Stream,
        heap: HeapOnDevice<'_>,
        vec: &mut ShmVec<u64>,
        (threads, us): (Threads, u64),
    ) -> Result<Outcome, KernelError> {
        self.run(stream, heap, "anymem_thread_ids", threads, &[heap.at(vec)?, us])
    }

    /// Adds up a list.
    ///
    /// One thread follows the links, for nobody else knows them.
    ///
    /// # Errors
    ///
    /// See [`KernelError`]; [`KernelError::Endless`] where it leads back into itself.
    pub fn list_sum(
        &self,
        stream: &Stream,
        heap: HeapOnDevice<'_>,
        list: &ShmList<u64>,
    ) -> Result<Outcome, KernelError> {
        self.run(stream, heap, "anymem_list_sum", Threads::ONE, &[heap.at(list)?])
    }
}
