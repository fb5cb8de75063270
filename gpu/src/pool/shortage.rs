//! What is asked when a device has no memory left.

use core::fmt;
use std::sync::Arc;

use super::DevicePool;
use crate::Stream;

/// A request that a pool has no memory for, also after it has looked everywhere: in what it
/// keeps for other streams, in what is still to be given back, and at the driver.
#[derive(Debug, Clone)]
pub struct Shortage {
    /// Bytes that were asked for.
    pub asked: usize,
    /// For what this stream does.
    pub stream: Stream,
    /// How often it was found short for this request, from 1 on.
    pub attempt: usize,
}

type Ask = dyn Fn(&DevicePool, &Shortage) -> bool + Send + Sync;

/// Who is asked then.
#[derive(Clone)]
pub(super) struct Callback(Arc<Ask>);

impl Callback {
    pub(super) fn new(
        ask: impl Fn(&DevicePool, &Shortage) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(ask))
    }

    /// Whether to try again.
    pub(super) fn ask(&self, pool: &DevicePool, shortage: &Shortage) -> bool {
        (self.0)(pool, shortage)
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Callback")
    }
}
