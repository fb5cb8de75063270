//! The segment of a run, which goes when the run ends.

use anymem::{HeapError, SharedHeap, Size};

use crate::error::CliError;
use crate::output::complain;

/// How many names are tried: an earlier process of the same number may have
/// been killed before it could tidy up.
const NAMES: u32 = 1000;

/// A segment that is unlinked when this is dropped.
#[derive(Debug)]
pub(crate) struct Segment {
    heap: SharedHeap,
}

impl Segment {
    /// Creates a segment under a name of its own.
    pub(crate) fn create(size: Size) -> Result<Self, CliError> {
        let pid = std::process::id();
        let mut name = format!("demo-{pid}");
        for attempt in 2..NAMES {
            match SharedHeap::create(&name, size) {
                Err(HeapError::Exists { .. }) => name = format!("demo-{pid}-{attempt}"),
                created => return Ok(Self { heap: created? }),
            }
        }
        Err(HeapError::Exists { name }.into())
    }

    /// The heap in it.
    pub(crate) fn heap(&self) -> &SharedHeap {
        &self.heap
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        match SharedHeap::unlink(self.heap.name()) {
            // Somebody was faster.
            Ok(()) | Err(HeapError::Missing { .. }) => {}
            Err(error) => complain(format_args!("the segment is left behind: {error}")),
        }
    }
}
