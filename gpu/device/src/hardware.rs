//! What a device tells one of its threads.

use core::num::NonZeroU32;
use core::time::Duration;

use crate::Place;

/// What a device tells the calling thread, and does for it.
pub trait Hardware: Send + Sync {
    /// Where the thread stands.
    fn place(&self) -> Place;

    /// Lets others run, for some hundred nanoseconds.
    fn nap(&self);

    /// The time since a moment of the device's own, the same for all its threads.
    fn time(&self) -> Duration;
}

/// How fast a clock ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    khz: NonZeroU32,
}

impl Rate {
    /// So many ticks in a millisecond.
    #[must_use]
    pub const fn khz(khz: NonZeroU32) -> Self {
        Self { khz }
    }

    /// How long so many ticks take.
    ///
    /// ```
    /// use anymem_gpu_device::Rate;
    /// use std::time::Duration;
    ///
    /// let rate = Rate::khz(100_000.try_into()?);
    /// assert_eq!(rate.time(250_000_001), Duration::from_nanos(2_500_000_010));
    /// # Ok::<(), std::num::TryFromIntError>(())
    /// ```
    #[must_use]
    #[inline]
    pub const fn time(self, ticks: u64) -> Duration {
        let khz = self.khz.get() as u64;
        // Less than 2³² ticks, so there is room for a million times as many.
        let nanoseconds = ticks % khz * 1_000_000 / khz;
        // The number of milliseconds as seconds and a rest of less than one.
        let (seconds, rest) = (ticks / khz / 1000, ticks / khz % 1000);
        Duration::new(seconds, (rest * 1_000_000 + nanoseconds) as u32)
    }
}
