//! The thread model of a grid.

use core::time::Duration;

use anymem_core::thread::{Liveness, Owner, ThreadId, ThreadModel};

use crate::Hardware;

/// The threads of a grid on some hardware, which act for the process that started it.
///
/// Threads are named by their number in the grid. What else holds for them is told
/// [above](crate#what-holds-on-a-device).
///
/// ```
/// use anymem_core::thread::{Owner, ThreadId, ThreadModel};
/// use anymem_gpu_device::{GridModel, Hardware, Place};
/// use std::time::Duration;
///
/// /// The last thread of a grid of 4 blocks of 64 threads.
/// struct Last;
///
/// impl Hardware for Last {
///     fn place(&self) -> Place {
///         Place { block: [3, 0, 0], blocks: [4, 1, 1], thread: [63, 0, 0], threads: [64, 1, 1] }
///     }
///     fn nap(&self) {}
///     fn time(&self) -> Duration {
///         Duration::from_secs(1)
///     }
/// }
///
/// let model = GridModel::of(Last, Owner { pid: 17, start: 4 });
/// assert_eq!(model.thread_id(), ThreadId(255));
/// assert_eq!(model.owner().pid, 17);
/// // What the device's clock says is nobody else's time, until it is said by how much.
/// assert_eq!(model.clock(), None);
/// assert_eq!(model.ahead(-1_000).clock(), Some(Duration::from_nanos(999_999_000)));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct GridModel<H> {
    hardware: H,
    owner: Owner,
    ahead: Option<i64>,
}

impl<H: Hardware> GridModel<H> {
    /// The threads of a grid that `owner` started.
    #[must_use]
    pub const fn of(hardware: H, owner: Owner) -> Self {
        Self { hardware, owner, ahead: None }
    }

    /// The same, where the clock of processes is so many nanoseconds ahead of the device's.
    ///
    /// The host measures that. A model that was not told has no [clock](ThreadModel::clock):
    /// patience is counted in naps then, and heaps return no memory after a time. It sleeps by
    /// the device's clock in any case.
    #[must_use]
    pub const fn ahead(mut self, nanoseconds: i64) -> Self {
        self.ahead = Some(nanoseconds);
        self
    }
}

/// All count as alive: a device cannot ask.
impl<H: Hardware> Liveness for GridModel<H> {
    fn is_alive(&self, _owner: Owner) -> bool {
        true
    }
}

impl<H: Hardware> ThreadModel for GridModel<H> {
    /// The thread's [number](crate::Place::number) in the grid.
    #[inline]
    fn thread_id(&self) -> ThreadId {
        ThreadId(self.hardware.place().number())
    }

    /// The process that started the grid.
    #[inline]
    fn owner(&self) -> Owner {
        self.owner
    }

    fn yield_now(&self) {
        self.hardware.nap();
    }

    fn sleep(&self, time: Duration) {
        let start = self.hardware.time();
        while self.hardware.time().saturating_sub(start) < time {
            self.hardware.nap();
        }
    }

    fn clock(&self) -> Option<Duration> {
        let own = self.hardware.time().as_nanos() as u64;
        self.ahead.map(|ahead| Duration::from_nanos(own.wrapping_add_signed(ahead)))
    }
}
