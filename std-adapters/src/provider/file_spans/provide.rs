//! What pools and peers see of the spans of a file.

use std::os::fd::AsFd;

use super::{Contents, FileName, FileSpans, Length, State};
use crate::provider::{FileRange, Provider, ProviderError, Share, SharedName, Span, Usage, check};
use crate::sys::space;

// SAFETY: each span is a mapping of its own that only `free` and `release` take away;
// what is new in a file that grows reads as zero, and so does what was cleared.
unsafe impl Provider for FileSpans {
    fn name(&self) -> &str {
        &self.mapper.name
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let (len, align) = self.mapper.request(size, align)?;
        let at = self.take(len)?;
        let span = self.place(at, len, align, Contents::New);
        if span.is_err() {
            // What was taken before it failed.
            if self.length == Length::Grows {
                space::give_back(self.file()?.as_fd(), at, len);
            }
            self.state().free.put(at, len, |_| false);
        }
        span
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        // Who has a copy leaves the contents that were found to the next.
        let stays = |at| !self.shared && at < self.found;
        let clears = |at| self.length == Length::Grows && !stays(at);
        // SAFETY: passed on from the caller.
        let at = unsafe { self.withdraw(span, clears) }?;
        let State { free, kept, .. } = &mut *self.state();
        let ranges = if stays(at) { kept } else { free };
        ranges.put(at, span.len, |_| false);
        Ok(())
    }

    fn min_page_size(&self) -> usize {
        self.mapper.page
    }

    fn recommended_page_size(&self, size: usize) -> usize {
        self.mapper.recommended_page_size(size)
    }

    fn zeroed(&self) -> bool {
        self.length == Length::Grows
    }

    fn touchable(&self) -> bool {
        self.mapper.touchable()
    }

    unsafe fn purge_force(&self, span: Span) -> Result<(), ProviderError> {
        let at = self.checked(span)?;
        // SAFETY: the span is mapped (just seen), and the caller does not need what is in
        // it.
        unsafe { if self.shared { self.clear(span, at) } else { self.replace(span) } }
    }

    unsafe fn commit(&self, span: Span) -> Result<(), ProviderError> {
        let at = self.checked(span)?;
        self.back(span, at, Contents::New)
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        check::cut(span, at, self.mapper.page)?;
        self.state().live.split(span, at).ok_or_else(|| self.foreign(span))
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        let live = &mut self.state().live;
        for span in [low, high] {
            live.exactly(span).ok_or_else(|| self.foreign(span))?;
        }
        live.merge(low, high).ok_or(ProviderError::Apart { low, high })
    }

    fn usage(&self) -> Usage {
        self.meter.usage()
    }

    fn reset_peak(&self) {
        self.meter.reset_peak();
    }

    fn share(&self) -> Option<&dyn Share> {
        self.shared.then_some(self as &dyn Share)
    }
}

impl Share for FileSpans {
    fn file_of(&self, span: Span) -> Result<FileRange<'_>, ProviderError> {
        let offset = self.offset_of(span)? as u64;
        let name = match &self.name {
            FileName::Anonymous => SharedName::Anonymous,
            FileName::Shm(name) => SharedName::Shm(name),
            FileName::File(path) => SharedName::File(path),
            FileName::Dax(path) => SharedName::Dax(path),
        };
        Ok(FileRange {
            file: self.file.as_fd(),
            id: self.id,
            name,
            offset,
            len: span.len,
            writable: self.mapper.access.can_write(),
        })
    }
}
