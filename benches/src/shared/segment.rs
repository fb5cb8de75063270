//! The heap of ours that the processes of a job share.

use core::error::Error;

use anymem::{SharedHeap, Size};

use super::serve::Part;

/// The heap, whose name goes with the process that made it.
pub(super) struct Segment {
    heap: SharedHeap,
    made_as: Option<String>,
}

impl Segment {
    pub(super) fn of(part: &Part) -> Result<Self, Box<dyn Error>> {
        if part.number > 0 {
            return Ok(Self { heap: SharedHeap::open(&part.segment)?, made_as: None });
        }
        let heap = SharedHeap::create(&part.segment, Size::mib(256))?;
        Ok(Self { heap, made_as: Some(part.segment.clone()) })
    }

    pub(super) fn heap(&self) -> SharedHeap {
        self.heap.clone()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // If somebody else did it already, that is as well.
        let _ = self.made_as.as_deref().map(SharedHeap::unlink);
    }
}
