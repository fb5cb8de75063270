//! Pushing into the queue that a process reads.

use anymem_core::container::{ShmMpsc, ShmVec};

use super::{Call, HeapOnDevice, KernelError, Kernels, Threads};
use crate::{GpuError, Stream};

/// Who else pushes while a kernel does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Producers {
    /// Anybody: needs atomics of the device that the processor takes part in
    /// ([`host_atomics`](crate::driver::Attributes::host_atomics)).
    Anybody,
    /// Threads of this device only, until the kernel is done. Others would get their slots, and
    /// numbers be lost.
    DeviceOnly,
}

/// How a kernel pushes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Push {
    /// Who else does.
    pub producers: Producers,
    /// How often each thread looks again while the queue is full, for each value; it yields in
    /// between.
    pub tries: u64,
}

impl Push {
    /// Beside anybody, for about a second while the queue is full.
    pub const ANYBODY: Self = Self { producers: Producers::Anybody, tries: 1 << 20 };

    /// Alone, for as long.
    pub const DEVICE_ONLY: Self = Self { producers: Producers::DeviceOnly, tries: 1 << 20 };
}

impl Kernels {
    /// Pushes each element of a vector into a queue, in any order, while its consumer pops in
    /// whichever process it is; how many.
    ///
    /// The device's threads claim slots in the name of this process. If it is killed, what
    /// they had claimed is passed over as its own claims are. If a kernel fails and takes its
    /// device along, the consumer waits for the slots that its threads had claimed until this
    /// process ends.
    ///
    /// A device cannot wake a consumer that sleeps: that looks again within some hundredths
    /// of a second, and is woken when the kernel is done: so this one waits for it, and is no
    /// [`Call`].
    ///
    /// # Errors
    ///
    /// See [`KernelError`]: [`Full`](KernelError::Full) and [`Closed`](KernelError::Closed) tell
    /// how many were pushed. [`GpuError::Unsupported`] for [`Producers::Anybody`] where the
    /// processor takes no part in the device's atomics.
    pub fn ring_push(
        &self,
        stream: &Stream,
        heap: HeapOnDevice<'_>,
        ring: &ShmMpsc<u64>,
        values: &ShmVec<u64>,
        push: Push,
    ) -> Result<u64, KernelError> {
        let device = self.device();
        let shares = device.attributes()?.host_atomics;
        if push.producers == Producers::Anybody && !shares {
            let what = "atomics on memory of the processor: let no process push meanwhile";
            return Err(GpuError::Unsupported { device: device.number(), what }.into());
        }
        let seat = ring.seat()? as u64;
        let places = [heap.at(ring)?, heap.at(values)?];
        // The signal is the consumer's, too.
        let arguments = [places[0], places[1], seat, push.tries, u64::from(shares)];
        let threads = Threads::for_elements(values.len());
        let call = Call::new(heap, "anymem_ring_push", threads, &arguments);
        let outcome = self.run(stream, call);
        ring.announce()?;
        Ok(outcome?.count)
    }
}
