//! The machine's page frames: all memory is theirs, the heap's too.

use core::ops::Range;
use core::ptr;

use anymem_core::frames::{Frame, FrameAllocator, FrameError, OnCpu, Request, metadata_size};

use crate::early::Early;
use crate::memory_map::{MAPPED, MemoryMap};
use crate::processor::{self, MOST_PROCESSORS};

/// A frame has `1 << SHIFT` bytes.
pub const SHIFT: u32 = 12;

const METADATA: usize = metadata_size(MAPPED as usize >> SHIFT, MOST_PROCESSORS);

static METADATA_BYTES: Early<[u8; METADATA]> = Early::new([0; METADATA]);

static FRAMES: Early<Option<FrameAllocator>> = Early::new(None);

/// Manages the frames of `map`.
///
/// # Safety
///
/// Called once, by the boot processor, before anything else of this module.
pub unsafe fn set_up(map: &MemoryMap) {
    // SAFETY: the caller's word; this is the only use of the static.
    let metadata = unsafe { METADATA_BYTES.change() };
    let span = map.ranges().fold(Frame::LAST..Frame::new(0), |span, range| {
        let range = within(range);
        span.start.min(range.start)..span.end.max(range.end)
    });
    let frames = FrameAllocator::new(span, MOST_PROCESSORS, metadata).expect("frames");
    for range in map.ranges() {
        frames.release(within(range)).expect("ranges of the map that do not overlap");
    }
    // SAFETY: the caller's word; nobody has read it.
    unsafe { *FRAMES.change() = Some(frames) };
}

fn within(addresses: Range<u64>) -> Range<Frame> {
    Frame::within(addresses, SHIFT)
}

/// All frames.
pub fn all() -> &'static FrameAllocator {
    FRAMES.get().as_ref().expect("`set_up` was called")
}

/// The frames as the calling processor uses them.
pub fn here() -> OnCpu<'static> {
    all().on(processor::number())
}

/// Where a frame is in the boot page tables, and in all others: at its own address.
pub fn pointer<T>(frame: Frame) -> *mut T {
    ptr::with_exposed_provenance_mut(frame.address(SHIFT) as usize)
}

/// Frames that are freed when this is dropped.
#[derive(Debug)]
pub struct Frames {
    pub first: Frame,
    pub count: usize,
}

impl Frames {
    /// Frames as wanted.
    pub fn new(request: Request) -> Result<Self, FrameError> {
        Ok(Self { first: here().allocate(request)?, count: request.frames() })
    }

    /// The first bytes of each.
    pub fn words(&self) -> impl Iterator<Item = *mut u64> {
        (0..self.count).map(|number| pointer(self.first.add(number)))
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        here().free(self.first, self.count).expect("frames that nobody else has freed");
    }
}
