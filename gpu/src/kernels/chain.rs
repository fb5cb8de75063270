//! A list that threads of a device build.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use anymem_core::container::{ContainerError, ShmSafe, ShmVec};
use anymem_core::offset::Offset;

use super::{Arena, Call, HeapOnDevice, KernelError, Kernels, Outcome, Threads};
use crate::Stream;

/// Words of a node: where the next one is, and its value.
const NODE: usize = 2;

/// A list of numbers that threads of devices and of the processor push to at the same time:
/// whoever comes exchanges the head, and links what was there behind itself.
///
/// Its nodes are in an [`Arena`], and are taken back with that. Nobody waits for anybody; until
/// those who push are done, who reads may find the end too early.
///
/// ```
/// use anymem::{SharedHeap, Size};
/// use anymem_gpu::kernels::{Arena, Chain};
///
/// # let name = format!("chain.{}", std::process::id());
/// let heap = SharedHeap::create(&name, Size::mib(4))?;
/// let (arena, chain) = (Arena::new_in(1024, &heap)?, Chain::new());
/// chain.push(&arena, 1)?;
/// chain.push(&arena, 2)?;
/// assert_eq!(chain.iter(&arena).collect::<Result<Vec<_>, _>>()?, [2, 1]);
/// # SharedHeap::unlink(&name)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(ShmSafe, Debug, Default)]
#[repr(C)]
pub struct Chain {
    head: AtomicUsize,
}

impl Chain {
    /// One without nodes.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: AtomicUsize::new(0) }
    }

    /// Puts a number before all others.
    ///
    /// # Errors
    ///
    /// [`KernelError::Full`] if the arena has no room for a node, and what is wrong with its
    /// heap.
    pub fn push(&self, arena: &Arena, value: u64) -> Result<(), KernelError> {
        let at = arena.take(NODE * size_of::<u64>()).ok_or(KernelError::Full { done: 0 })?;
        if let [next, place] = arena.words(at, NODE)? {
            next.store(0, Ordering::Relaxed);
            place.store(value, Ordering::Relaxed);
            // Release: publishes the node. Acquire: the one before is linked behind it.
            let before = self.head.swap(at.get(), Ordering::AcqRel);
            next.store(before as u64, Ordering::Release);
        }
        Ok(())
    }

    /// The numbers, the last one first.
    ///
    /// Ends at what is no node of the arena, with an error.
    pub fn iter<'c>(
        &'c self,
        arena: &'c Arena,
    ) -> impl Iterator<Item = Result<u64, ContainerError>> + use<'c> {
        let mut at = self.head.load(Ordering::Acquire);
        let mut left = arena.capacity() / size_of::<[u64; NODE]>();
        core::iter::from_fn(move || {
            if at == 0 {
                return None;
            }
            let node = arena.words(Offset::new(at), NODE).and_then(|node| match node {
                [next, value] if left > 0 => Ok((next, value)),
                _ => Err(ContainerError::Corrupt),
            });
            left = left.saturating_sub(1);
            at = node.as_ref().map_or(0, |(next, _)| load(next));
            Some(node.map(|(_, value)| value.load(Ordering::Relaxed)))
        })
    }

    /// Forgets all nodes.
    pub fn clear(&mut self) {
        self.head.store(0, Ordering::Relaxed);
    }
}

fn load(link: &AtomicU64) -> usize {
    // Acquire: pairs with the Release in `push`.
    usize::try_from(link.load(Ordering::Acquire)).unwrap_or(usize::MAX)
}

impl<'v> Call<'v> {
    /// As [`Kernels::chain_build`]; what comes of it counts the elements.
    ///
    /// # Errors
    ///
    /// [`KernelError::NotInHeap`].
    pub fn chain_build(
        heap: HeapOnDevice<'v>,
        (chain, arena): (&'v Chain, &'v Arena),
        values: &'v ShmVec<u64>,
    ) -> Result<Self, KernelError> {
        let arguments = [heap.at(arena)?, heap.at(chain)?, heap.at(values)?];
        let threads = Threads::for_elements(values.len());
        Ok(Self::new(heap, "anymem_chain_build", threads, &arguments))
    }

    /// As [`Kernels::chain_sum`].
    ///
    /// # Errors
    ///
    /// [`KernelError::NotInHeap`].
    pub fn chain_sum(heap: HeapOnDevice<'v>, chain: &'v Chain) -> Result<Self, KernelError> {
        Ok(Self::new(heap, "anymem_chain_sum", Threads::ONE, &[heap.at(chain)?]))
    }
}

impl Kernels {
    /// Pushes each element of a vector to a chain, in nodes that the device's threads take from
    /// an arena; how many.
    ///
    /// The processor pushes to the same chain meanwhile, or takes from the same arena, only where
    /// the device has [`host_atomics`](crate::driver::Attributes::host_atomics); nothing but
    /// numbers is lost otherwise.
    ///
    /// # Errors
    ///
    /// See [`KernelError`]; [`KernelError::Full`] where the arena had no room for all.
    pub fn chain_build(
        &self,
        stream: &Stream,
        heap: HeapOnDevice<'_>,
        (chain, arena): (&Chain, &Arena),
        values: &ShmVec<u64>,
    ) -> Result<u64, KernelError> {
        Ok(self.run(stream, Call::chain_build(heap, (chain, arena), values)?)?.count)
    }

    /// Adds up the numbers of a chain, wherever in the heap its nodes are.
    ///
    /// # Errors
    ///
    /// See [`KernelError`].
    pub fn chain_sum(
        &self,
        stream: &Stream,
        heap: HeapOnDevice<'_>,
        chain: &Chain,
    ) -> Result<Outcome, KernelError> {
        self.run(stream, Call::chain_sum(heap, chain)?)
    }
}
