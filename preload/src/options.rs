//! What the environment asks for.
//!
//! Read when the heap is made, which is before anything can be allocated: so
//! nothing here allocates.

use core::ffi::CStr;
use core::str;
use core::time::Duration;

use anymem::ShmAlloc;

use crate::stderr::say;

/// The least that may be reserved.
const LEAST: usize = 4 << 20;

/// Bytes from one sampled byte to the next, on average.
const RATE: usize = 512 << 10;

/// The options, as far as their values make sense.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Options {
    reserve: Option<usize>,
    decay: Option<usize>,
    memory_file: bool,
    name: Option<&'static str>,
    profile_rate: Option<usize>,
    /// Whether to print a table when the process exits.
    pub(crate) stats: bool,
    /// Where to write a heap profile when the process exits.
    pub(crate) profile: Option<&'static str>,
}

impl Options {
    /// Reads the environment; `refuse` hears of values that make no sense.
    pub(crate) fn read(mut refuse: impl FnMut(Refused)) -> Self {
        let mut value = |name, wanted, parse: fn(&'static str) -> Option<usize>| {
            let text = variable(name)?;
            let parsed = text.to_str().ok().and_then(parse);
            if parsed.is_none() {
                refuse(Refused { name, text, wanted });
            }
            parsed
        };
        let rate = "a size of at least 1, such as 64KiB";
        let size = "a size of at least 4MiB, such as 16GiB";
        Self {
            reserve: value(c"ANYMEM_RESERVE", size, |text| size_of(text).filter(|it| *it >= LEAST)),
            decay: value(c"ANYMEM_DECAY", "milliseconds, or 0 for never", |text| text.parse().ok()),
            memory_file: value(c"ANYMEM_MEMFD", "0 or 1", switch) == Some(1),
            name: variable(c"ANYMEM_NAME").and_then(|text| text.to_str().ok()),
            stats: value(c"ANYMEM_STATS", "0 or 1", switch) == Some(1),
            profile: variable(c"ANYMEM_PROFILE").and_then(|text| text.to_str().ok()),
            profile_rate: value(c"ANYMEM_PROFILE_RATE", rate, |text| {
                size_of(text).filter(|it| *it >= 1)
            }),
        }
    }

    /// The heap that is asked for.
    pub(crate) fn heap(&self) -> ShmAlloc {
        let heap = match self.name {
            Some(name) => ShmAlloc::named(name),
            None if self.memory_file => ShmAlloc::memfd(),
            None => ShmAlloc::new(),
        };
        let heap = match self.reserve {
            Some(bytes) => heap.with_size(bytes),
            None => heap,
        };
        let heap = match self.decay {
            Some(millis) => heap.with_decay(Duration::from_millis(millis as u64)),
            None => heap,
        };
        let heap = if self.stats { heap.with_counts() } else { heap };
        match self.profile {
            Some(_) => heap.with_profile(self.profile_rate.unwrap_or(RATE)),
            None => heap,
        }
    }
}

/// A value that makes no sense.
pub(crate) struct Refused {
    name: &'static CStr,
    text: &'static CStr,
    wanted: &'static str,
}

impl Refused {
    pub(crate) fn report(&self) {
        let (name, text) = (self.name.to_str().unwrap_or_default(), self.text.to_bytes());
        say(format_args!("{name}={} is ignored: use {}", text.escape_ascii(), self.wanted));
    }
}

/// The value of a variable that is set to something.
fn variable(name: &'static CStr) -> Option<&'static CStr> {
    // SAFETY: the name ends in a zero byte. The strings that a process starts
    // with stay where they are, and the heap is made before it can set others.
    let text = unsafe { libc::getenv(name.as_ptr()).as_ref().map(|text| CStr::from_ptr(text)) };
    text.filter(|text| !text.is_empty())
}

fn switch(text: &str) -> Option<usize> {
    match text {
        "0" => Some(0),
        "1" => Some(1),
        _ => None,
    }
}

/// Bytes of a size such as `4096`, `512M` or `16GiB`.
fn size_of(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "" | "B" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        "T" | "TiB" => 40,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(1_usize.checked_shl(shift)?)
}
