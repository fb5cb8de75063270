//! What the heap holds, as a table for people.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicI32, Ordering};

use anymem::allocator::Stats;

use crate::heap::HEAP;
use crate::stderr::Stderr;

/// The standard error output as it was at the start: programs close it before
/// they exit.
static FILE: AtomicI32 = AtomicI32::new(libc::STDERR_FILENO);

/// Has the table printed when the process exits.
pub(crate) fn at_exit() {
    // SAFETY: takes numbers; the function lives for ever. Without memory for it
    // there is no table.
    unsafe {
        let file = libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, 100);
        if file >= 0 {
            FILE.store(file, Ordering::Relaxed);
        }
        let _ = libc::atexit(print_at_exit);
    }
}

extern "C" fn print_at_exit() {
    let _ = write(&mut Stderr::with_file(FILE.load(Ordering::Relaxed)), &HEAP.stats());
}

/// Prints the table now.
pub(crate) fn print() {
    let _ = write(&mut Stderr::new(), &HEAP.stats());
}

fn write(to: &mut impl Write, stats: &Stats) -> fmt::Result {
    writeln!(to, "anymem: block size        slabs         live         free   live bytes")?;
    for class in stats.classes.iter().filter(|class| class.slabs > 0) {
        let live_bytes = class.live * class.block_size;
        let (size, slabs, live, free) = (class.block_size, class.slabs, class.live, class.free);
        writeln!(to, "anymem: {size:>10} {slabs:>12} {live:>12} {free:>12} {live_bytes:>12}")?;
    }
    let (spans, slabs) = (stats.spans, stats.span_slabs);
    writeln!(to, "anymem:      large {slabs:>12} {spans:>12}")?;
    let Stats { live, live_blocks, committed, reserved, double_frees, .. } = stats;
    writeln!(to, "anymem: {live} bytes in {live_blocks} blocks live, {committed} committed")?;
    writeln!(to, "anymem: {reserved} reserved; {double_frees} double frees seen")
}
