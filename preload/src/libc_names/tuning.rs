//! glibc's functions about the heap as a whole.

use core::ffi::{c_int, c_void};
use core::fmt::{self, Write};

use anymem::allocator::Stats;

use crate::process::HEAP;
use crate::{errno, report};

/// Gives what nobody uses back to the system; 1 if there was anything.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_trim(_keep: usize) -> c_int {
    c_int::from(HEAP.trim() > 0)
}

/// Accepts glibc's parameters, none of which this heap has; 1.
#[unsafe(no_mangle)]
pub extern "C" fn mallopt(_parameter: c_int, _value: c_int) -> c_int {
    1
}

/// Prints a table of what the heap holds on the standard error output.
#[unsafe(no_mangle)]
pub extern "C" fn malloc_stats() {
    report::print();
}

/// What the heap holds, in glibc's terms.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo2() -> libc::mallinfo2 {
    let stats = HEAP.stats();
    libc::mallinfo2 {
        arena: stats.committed,
        ordblks: stats.classes.iter().map(|class| class.free).sum(),
        smblks: 0,
        hblks: stats.spans,
        hblkhd: report::span_bytes(&stats),
        usmblks: 0,
        fsmblks: 0,
        uordblks: stats.live,
        fordblks: stats.committed.saturating_sub(stats.live),
        keepcost: 0,
    }
}

/// As [`mallinfo2`]; what does not fit is `INT_MAX`.
#[unsafe(no_mangle)]
pub extern "C" fn mallinfo() -> libc::mallinfo {
    let info = mallinfo2();
    let small = |number: usize| c_int::try_from(number).unwrap_or(c_int::MAX);
    libc::mallinfo {
        arena: small(info.arena),
        ordblks: small(info.ordblks),
        smblks: 0,
        hblks: small(info.hblks),
        hblkhd: small(info.hblkhd),
        usmblks: 0,
        fsmblks: 0,
        uordblks: small(info.uordblks),
        fordblks: small(info.fordblks),
        keepcost: 0,
    }
}

/// Writes what the heap holds to a stream, as XML; 0 if it could.
///
/// # Safety
///
/// `stream` is an open stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_info(options: c_int, stream: *mut libc::FILE) -> c_int {
    if options != 0 {
        errno::set(libc::EINVAL);
        return -1;
    }
    if write_xml(&mut Stream(stream), &HEAP.stats()).is_ok() { 0 } else { -1 }
}

fn write_xml(to: &mut impl Write, stats: &Stats) -> fmt::Result {
    writeln!(to, "<malloc version=\"anymem-1\">")?;
    for class in stats.classes.iter().filter(|class| class.slabs > 0) {
        let (size, live, free) = (class.block_size, class.live, class.free);
        writeln!(to, "<class size=\"{size}\" live=\"{live}\" free=\"{free}\"/>")?;
    }
    writeln!(to, "<large count=\"{}\" size=\"{}\"/>", stats.spans, report::span_bytes(stats))?;
    writeln!(to, "<system type=\"current\" size=\"{}\"/>", stats.committed)?;
    writeln!(to, "</malloc>")
}

/// An open stream of the C library.
struct Stream(*mut libc::FILE);

impl Write for Stream {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = text.as_ptr().cast::<c_void>();
        // SAFETY: the text is that long; the stream is open (`malloc_info`).
        let written = unsafe { libc::fwrite(start, 1, text.len(), self.0) };
        if written == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}
