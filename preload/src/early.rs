//! What is allocated while the heap is being made, or if there can be none.
//!
//! Making the heap calls the C library, which may allocate, and keeps a few
//! blocks of its own. They come from a small array and stay there for ever.

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

const LEN: usize = 64 << 10;

/// In front of each block: how long it is.
const HEADER: usize = 16;

#[repr(align(4096))]
struct Array {
    bytes: UnsafeCell<[u8; LEN]>,
}

// SAFETY: its parts are handed out once, by an atomic counter.
unsafe impl Sync for Array {}

static ARRAY: Array = Array { bytes: UnsafeCell::new([0; LEN]) };
static USED: AtomicUsize = AtomicUsize::new(0);

/// A block of zeroes, if there is room for it.
pub(crate) fn allocate(layout: Layout) -> Option<NonNull<u8>> {
    let mut start = 0;
    let end = |used: usize| {
        start = used.checked_add(HEADER)?.checked_next_multiple_of(layout.align().max(HEADER))?;
        let end = start.checked_add(layout.size())?;
        (layout.align() <= align_of::<Array>() && end <= LEN).then_some(end)
    };
    USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, end).ok()?;
    // SAFETY: `HEADER <= start` and `start + layout.size() <= LEN`; nobody else
    // was given that part, whose header is aligned to 16.
    unsafe {
        let block = base().add(start);
        block.sub(HEADER).cast::<usize>().write(layout.size());
        Some(block)
    }
}

/// Bytes of the block, if it is one of these.
pub(crate) fn size_of(block: NonNull<u8>) -> Option<usize> {
    let at = block.addr().get().checked_sub(base().addr().get())?;
    // SAFETY: a block that starts in the array has its header in front of it.
    (HEADER..LEN).contains(&at).then(|| unsafe { block.sub(HEADER).cast::<usize>().read() })
}

fn base() -> NonNull<u8> {
    // SAFETY: the address of a static is not null.
    unsafe { NonNull::new_unchecked(ARRAY.bytes.get().cast()) }
}
