//! Space behind the bytes of the file.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use super::{Contents, FileSpans, Length};
use crate::provider::{Provider, ProviderError, Span};
use crate::sys::file_id::FileId;
use crate::sys::map;
use crate::sys::{memory, space};

/// From how many bytes on it is asked first whether there is so much memory.
const LARGE: usize = 16 << 20;

impl FileSpans {
    /// The file, as long as the descriptor is its own: some programs close descriptors
    /// that they do not know, and open other files.
    pub(in crate::provider) fn file(&self) -> Result<&File, ProviderError> {
        match file_id(&self.file) {
            Ok(id) if id == self.id => Ok(&self.file),
            _ => Err(self.failed("fstat", 0, libc::EBADF)),
        }
    }

    /// Makes the file so long, which the lock is held for.
    pub(super) fn lengthen(&self, to: usize, wanted: usize) -> Result<(), ProviderError> {
        let file = self.file()?;
        let failed = |code| self.failed("ftruncate", wanted, code);
        let long = file.metadata().map_or(0, |found| found.len());
        if to > space::length_limit() {
            return Err(failed(libc::EFBIG));
        }
        if long >= to as u64 {
            return Ok(());
        }
        file.set_len(to as u64).map_err(|error| failed(error.raw_os_error().unwrap_or(0)))
    }

    /// Makes sure that a span can be written without fault.
    pub(super) fn back(
        &self,
        span: Span,
        at: usize,
        contents: Contents,
    ) -> Result<(), ProviderError> {
        if self.length != Length::Grows {
            return Ok(());
        }
        let file = self.file()?.as_fd();
        let scarce = span.len >= LARGE && self.in_memory && !self.mapper.huge;
        if scarce && span.len > memory::left() {
            return Err(self.failed("fallocate", span.len, libc::ENOMEM));
        }
        let writes = self.shared && self.mapper.access.can_write();
        match space::take(file, at, span.len) {
            Ok(()) if self.in_memory || contents == Contents::Kept => Ok(()),
            // A disk may need more when a page is first written.
            Ok(()) | Err(libc::EOPNOTSUPP) if writes => self.mapper.touch(span),
            Ok(()) | Err(libc::EOPNOTSUPP) => Ok(()),
            Err(code) => Err(self.failed("fallocate", span.len, code)),
        }
    }

    /// Gives the space behind shared bytes back, or at least makes zeroes of them.
    ///
    /// # Safety
    ///
    /// The span is mapped from `at` on, and nobody needs what is in it.
    pub(super) unsafe fn clear(&self, span: Span, at: usize) -> Result<(), ProviderError> {
        let punched =
            self.length == Length::Grows && space::give_back(self.file()?.as_fd(), at, span.len);
        if !punched {
            if !self.mapper.touchable() {
                return Err(self.unsupported("purge_force"));
            }
            // SAFETY: the contract above; it may be written (just checked).
            unsafe { span.start.write_bytes(0, span.len) };
        }
        Ok(())
    }

    /// Puts zeroes behind private bytes.
    ///
    /// # Safety
    ///
    /// The span is mapped, and nobody needs what is in it.
    pub(super) unsafe fn replace(&self, span: Span) -> Result<(), ProviderError> {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let what = map::Contents { access: self.mapper.access.bits(), flags, file: -1, at: 0 };
        // SAFETY: the contract above.
        unsafe { map::replace(span.start, span.len, what) }
            .map_err(|error| self.failed("mmap", span.len, error.0))?;
        self.mapper.bind.as_ref().map_or(Ok(()), |bind| bind(span))
    }
}

/// Which file that is.
pub(super) fn file_id(file: &File) -> Result<FileId, ProviderError> {
    let found = file.metadata().map_err(|error| ProviderError::System {
        call: "fstat",
        what: "a provider's file".into(),
        code: error.raw_os_error().unwrap_or(0),
    })?;
    Ok(FileId { device: found.dev(), inode: found.ino() })
}
