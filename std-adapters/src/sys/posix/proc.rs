//! Files of `/proc`, read without allocating: also in a forked child, and while
//! the heap is being made.

use core::ffi::c_char;
use core::fmt;
use std::io::Write;

/// A path, with a zero byte at the end.
pub(crate) struct ProcPath([u8; Self::ROOM]);

impl ProcPath {
    const ROOM: usize = 48;

    /// The path that `text` is; cut off after 47 bytes.
    pub(crate) fn new(text: fmt::Arguments<'_>) -> Self {
        let mut path = [0; Self::ROOM];
        let _ = (&mut path[..Self::ROOM - 1]).write_fmt(text);
        Self(path)
    }

    /// The path, as C has it.
    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }

    /// The beginning of the file, as much as fits.
    pub(crate) fn read<'a>(&self, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        // SAFETY: the path ends in a zero byte (by `new`).
        let file = unsafe { libc::open(self.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if file < 0 {
            return None;
        }
        // SAFETY: the file was just opened, and the buffer is writable.
        let got = unsafe { libc::read(file, buffer.as_mut_ptr().cast(), buffer.len()) };
        // SAFETY: the file was opened here, and is closed once.
        unsafe { libc::close(file) };
        buffer.get(..usize::try_from(got).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use core::ffi::CStr;

    use super::*;

    #[test]
    fn a_path_ends_in_a_zero_byte() {
        for text in ["/proc/self/stat".to_owned(), "x".repeat(100)] {
            let path = ProcPath::new(format_args!("{text}"));
            let found = CStr::from_bytes_until_nul(&path.0).expect("an end").to_bytes();
            assert_eq!(found, &text.as_bytes()[..text.len().min(47)]);
        }
    }

    #[test]
    fn what_is_not_there_is_not_read() {
        assert_eq!(ProcPath::new(format_args!("/proc/0/stat")).read(&mut [0; 9]), None);
    }
}
