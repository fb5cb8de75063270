//! Text for the standard error output, written without allocating.

use core::ffi::c_int;
use core::fmt;
use core::sync::atomic::{AtomicI32, Ordering};

/// The standard error output as it was at the start.
static KEPT: AtomicI32 = AtomicI32::new(libc::STDERR_FILENO);

/// Keeps the standard error output for when the process exits: programs close it
/// before that.
pub(crate) fn keep() {
    // SAFETY: takes numbers.
    let file = unsafe { libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, 100) };
    if file >= 0 {
        KEPT.store(file, Ordering::Relaxed);
    }
}

/// Collects a text and writes it in as few calls as possible.
pub(crate) struct Stderr {
    file: c_int,
    text: [u8; 1024],
    len: usize,
}

impl Stderr {
    /// Writes to the standard error output.
    pub(crate) const fn new() -> Self {
        Self::with_file(libc::STDERR_FILENO)
    }

    /// Writes to what was [kept](keep).
    pub(crate) fn kept() -> Self {
        Self::with_file(KEPT.load(Ordering::Relaxed))
    }

    const fn with_file(file: c_int) -> Self {
        Self { file, text: [0; 1024], len: 0 }
    }

    fn flush(&mut self) {
        let mut rest = &self.text[..self.len];
        while !rest.is_empty() {
            // SAFETY: the text is that long.
            let written = unsafe { libc::write(self.file, rest.as_ptr().cast(), rest.len()) };
            // Where nothing can be written there is nobody to tell.
            let Ok(written @ 1..) = usize::try_from(written) else { break };
            rest = rest.get(written..).unwrap_or_default();
        }
        self.len = 0;
    }
}

impl fmt::Write for Stderr {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.len == self.text.len() {
                self.flush();
            }
            self.text[self.len] = byte;
            self.len += 1;
        }
        Ok(())
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Writes one line.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    let mut to = Stderr::new();
    let _ = fmt::Write::write_fmt(&mut to, format_args!("anymem: {text}\n"));
}
