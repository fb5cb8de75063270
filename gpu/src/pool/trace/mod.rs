//! Calls of a pool, noted, written down, and done again.

mod recorder;
mod text;

pub(super) use recorder::Recorder;
pub use text::TraceError;

use core::alloc::Layout;
use std::collections::HashMap;

use super::DevicePool;
use crate::{DeviceAddress, GpuError, Stream};

/// One call of a pool that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A block was allocated on a stream of the pool, which are numbered as they came.
    Allocate {
        /// The stream.
        stream: usize,
        /// The block's number, which no other of the trace has.
        block: u64,
        /// Bytes that were asked for.
        bytes: usize,
        /// The alignment that was asked for.
        align: usize,
    },
    /// A block of the trace was freed on a stream.
    Free {
        /// The stream.
        stream: usize,
        /// The block's number.
        block: u64,
    },
}

/// Calls of a pool in their order, as text a line for each: to be looked at, and to be done
/// again by another pool.
///
/// ```
/// use anymem_gpu::pool::{Call, Trace};
///
/// let trace: Trace = "stream,call,block,bytes,align\n0,allocate,1,4096,256\n0,free,1\n".parse()?;
/// assert_eq!(trace.calls[1], Call::Free { stream: 0, block: 1 });
/// assert_eq!(trace.peak(), 4096);
/// # Ok::<(), anymem_gpu::pool::TraceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trace {
    /// The calls.
    pub calls: Vec<Call>,
}

impl Trace {
    /// How many streams there are at least.
    #[must_use]
    pub fn streams(&self) -> usize {
        let stream = |call: &Call| match *call {
            Call::Allocate { stream, .. } | Call::Free { stream, .. } => stream + 1,
        };
        self.calls.iter().map(stream).max().unwrap_or(0)
    }

    /// The most bytes that were asked for and not freed at a time.
    #[must_use]
    pub fn peak(&self) -> usize {
        let (mut live, mut now, mut peak) = (HashMap::new(), 0_usize, 0);
        for call in &self.calls {
            match *call {
                Call::Allocate { block, bytes, .. } => {
                    live.insert(block, bytes);
                    now = now.saturating_add(bytes);
                    peak = peak.max(now);
                }
                Call::Free { block, .. } => now -= live.remove(&block).unwrap_or(0),
            }
        }
        peak
    }

    /// Does the same with a pool, where `streams` stand for those of the trace. Blocks that
    /// are live at the end are freed.
    ///
    /// Nothing is asked of the streams themselves, so they need wait for nothing.
    ///
    /// # Errors
    ///
    /// Those of the pool. [`WrongDevice`](GpuError::WrongDevice) if there are fewer streams than
    /// the trace has.
    pub fn replay(&self, pool: &DevicePool, streams: &[Stream]) -> Result<(), GpuError> {
        let pools = streams.iter().map(|stream| pool.on(stream)).collect::<Result<Vec<_>, _>>()?;
        let few =
            GpuError::WrongDevice { asked: self.streams() as u32, found: streams.len() as u32 };
        let on = |stream: usize| pools.get(stream).ok_or_else(|| few.clone());
        let mut live: HashMap<u64, (usize, DeviceAddress)> = HashMap::new();
        let mut done = Ok(());
        for call in &self.calls {
            done = match *call {
                Call::Allocate { stream, block, bytes, align } => on(stream).and_then(|pool| {
                    let address = pool.allocate(layout(bytes, align)?)?;
                    live.insert(block, (stream, address));
                    Ok(())
                }),
                Call::Free { stream, block } => on(stream).and_then(|pool| {
                    let Some((_, address)) = live.remove(&block) else { return Ok(()) };
                    // SAFETY: allocated above, and nothing uses it.
                    unsafe { pool.free(address) }
                }),
            };
            if done.is_err() {
                break;
            }
        }
        for (stream, address) in live.into_values() {
            // SAFETY: allocated above, and nothing uses it.
            unsafe { on(stream)?.free(address) }?;
        }
        done
    }
}

fn layout(bytes: usize, align: usize) -> Result<Layout, GpuError> {
    let too_large = |_| anymem::pool::PoolError::TooLarge { requested: bytes };
    Ok(Layout::from_size_align(bytes, align).map_err(too_large)?)
}
