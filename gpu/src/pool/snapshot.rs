//! All memory of a pool, part by part.

use core::fmt;

use super::bank::Part;
use super::shared::Shared;
use crate::DeviceAddress;
use crate::driver::StreamId;

/// All memory that a pool had at a moment, by address.
///
/// Displayed as a line for each part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The parts, none of which overlaps another.
    pub parts: Vec<SnapshotPart>,
}

/// Some bytes of a pool, and who has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotPart {
    /// Where it starts.
    pub address: DeviceAddress,
    /// How many bytes it has.
    pub bytes: usize,
    /// The stream that has it, or had it last; `None` if all are done with it.
    pub stream: Option<StreamId>,
    /// Whether it is a slab or a large block of the stream; if not, it is free.
    pub is_taken: bool,
}

impl Snapshot {
    pub(super) fn of(shared: &Shared) -> Self {
        let lanes = shared.lanes();
        let part = |(at, part): (usize, Part)| {
            let lane = lanes.iter().find(|lane| Some(lane.index) == part.stream);
            SnapshotPart {
                address: DeviceAddress::new(at as u64),
                bytes: part.len,
                stream: lane.map(|lane| lane.stream.id()),
                is_taken: !part.is_free,
            }
        };
        Self { parts: shared.bank.parts().into_iter().map(part).collect() }
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            let state = if part.is_taken { "taken" } else { "free" };
            write!(f, "{:#x} {:>12} {state}", part.address.number(), part.bytes)?;
            match part.stream {
                Some(stream) => writeln!(f, " stream {:#x}", stream.raw())?,
                None => writeln!(f)?,
            }
        }
        Ok(())
    }
}
