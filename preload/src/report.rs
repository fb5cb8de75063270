//! What the heap holds, as a table for people.

use core::fmt::{self, Write};

use anymem::allocator::{ClassStats, Stats};
use anymem::observe::{Counts, Tally};
use anymem::size_class::Classes;

use crate::process::HEAP;
use crate::stderr::Stderr;

/// Has the table printed when the process exits.
#[cold]
#[inline(never)]
pub(crate) fn at_exit() {
    // SAFETY: the function lives for ever. Without memory for it there is no
    // table.
    let _ = unsafe { libc::atexit(print_at_exit) };
}

extern "C" fn print_at_exit() {
    let _ = write(&mut Stderr::kept());
}

/// Prints the table now.
pub(crate) fn print() {
    let _ = write(&mut Stderr::new());
}

fn write(to: &mut impl Write) -> fmt::Result {
    let (stats, counts) = (HEAP.stats(), HEAP.counts());
    write_classes(to, &stats, counts.as_ref())?;
    if let Some(Counts { blocks, bytes, .. }) = counts {
        writeln!(to, "anymem: {} bytes in {} blocks allocated", bytes.allocated, blocks.allocated)?;
        writeln!(to, "anymem: {} bytes in {} blocks freed", bytes.freed, blocks.freed)?;
        writeln!(to, "anymem: {} bytes or {} blocks live at most", bytes.peak, blocks.peak)?;
    }
    let Stats { live, live_blocks, committed, reserved, double_frees, .. } = stats;
    writeln!(to, "anymem: {live} bytes in {live_blocks} blocks live, {committed} committed")?;
    writeln!(to, "anymem: {reserved} reserved; {double_frees} double frees seen")
}

/// One line a class, and one for large blocks.
fn write_classes(to: &mut impl Write, stats: &Stats, counts: Option<&Counts>) -> fmt::Result {
    write!(to, "anymem: block size        slabs         live         free   live bytes")?;
    writeln!(to, "{}", counts.map_or("", |_| "    allocated        freed         peak"))?;
    for (index, class) in stats.classes.iter().enumerate() {
        let blocks = counts.map(|counts| counts.classes[index].blocks);
        if class.slabs > 0 || blocks.is_some_and(|blocks| blocks.allocated > 0) {
            let ClassStats { block_size, slabs, live, free } = *class;
            write_line(to, &block_size, [slabs, live, free, live * block_size], blocks)?;
        }
    }
    let held = [stats.span_slabs, stats.spans, 0, span_bytes(stats)];
    write_line(to, &"large", held, counts.map(|counts| counts.large))
}

fn write_line(
    to: &mut impl Write,
    size: &dyn fmt::Display,
    held: [usize; 4],
    blocks: Option<Tally>,
) -> fmt::Result {
    let [slabs, live, free, live_bytes] = held;
    write!(to, "anymem: {size:>10} {slabs:>12} {live:>12} {free:>12} {live_bytes:>12}")?;
    if let Some(Tally { allocated, freed, peak, .. }) = blocks {
        write!(to, " {allocated:>12} {freed:>12} {peak:>12}")?;
    }
    writeln!(to)
}

/// Bytes of the large blocks, which are whole slabs.
pub(crate) fn span_bytes(stats: &Stats) -> usize {
    stats.span_slabs * Classes::<16>::SLAB
}
