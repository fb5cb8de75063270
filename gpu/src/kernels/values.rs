//! Kernels over vectors and lists.

use anymem_core::container::{ShmList, ShmVec};

use super::{Call, HeapOnDevice, KernelError, Kernels, Outcome, Threads};
use crate::Stream;

impl<'v> Call<'v> {
    /// As [`Kernels::vec_sum`].
    ///
    /// # Errors
    ///
    /// [`KernelError::NotInHeap`].
    pub fn vec_sum(heap: HeapOnDevice<'v>, vec: &'v ShmVec<u64>) -> Result<Self, KernelError> {
        Ok(Self::new(heap, "anymem_vec_sum", Threads::for_elements(vec.len()), &[heap.at(vec)?]))
    }

    /// As [`Kernels::vec_count`].
    ///
    /// # Errors
    ///
    /// [`KernelError::NotInHeap`].
    pub fn vec_count(
        heap: HeapOnDevice<'v>,
        vec: &'v ShmVec<u64>,
        wanted: u64,
    ) -> Result<Self, KernelError> {
        let threads = Threads::for_elements(vec.len());
        Ok(Self::new(heap, "anymem_vec_count", threads, &[heap.at(vec)?, wanted]))
    }

    /// As [`Kernels::vec_fill`]; what comes of it counts the elements.
    ///
    /// # Errors
    ///
    /// [`KernelError::NotInHeap`].
    pub fn vec_fill(
        heap: HeapOnDevice<'v>,
        vec: &'v mut ShmVec<u64>,
        (first, step): (u64, u64),
    ) -> Result<Self, KernelError> {
        let threads = Threads::for_elements(vec.len());
        Ok(Self::new(heap, "anymem_vec_fill", threads, &[heap.at(vec)?, first, step]))
    }

    /// As [`Kernels::thread_ids`].
    ///
    /// # Errors
    ///
    /// [`KernelError::NotInHeap`].
    pub fn thread_ids(
        heap: HeapOnDevice<'v>,
        vec: &'v mut ShmVec<u64>,
        (threads, us): (Threads, u64),
    ) -> Result<Self, KernelError> {
        Ok(Self::new(heap, "anymem_thread_ids", threads, &[heap.at(vec)?, us]))
    }

    /// As [`Kernels::list_sum`].
    ///
    /// # Errors
    ///
    /// [`KernelError::NotInHeap`].
    pub fn list_sum(heap: HeapOnDevice<'v>, list: &'v ShmList<u64>) -> Result<Self, KernelError> {
        Ok(Self::new(heap, "anymem_list_sum", Threads::ONE, &[heap.at(list)?]))
    }
}

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
        self.run(stream, Call::vec_sum(heap, vec)?)
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
        self.run(stream, Call::vec_count(heap, vec, wanted)?)
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
        Ok(self.run(stream, Call::vec_fill(heap, vec, (first, step))?)?.count)
    }

    /// Has each of the threads wait for `us` microseconds and yield, and write its number to its
    /// element of a vector: the [thread model](super#threads) of the device.
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
        self.run(stream, Call::thread_ids(heap, vec, (threads, us))?)
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
        self.run(stream, Call::list_sum(heap, list)?)
    }
}
