//! How spans of pages are mapped, whatever is behind them.

use core::fmt;
use std::sync::Arc;

use super::{Access, ProviderError, Span, check, huge};
use crate::sys::errno;
use crate::sys::map::{self, Contents, HUGE};

/// Says where the pages of a new span are to be, on which NUMA nodes for one.
pub(super) type Bind = Arc<dyn Fn(Span) -> Result<(), ProviderError> + Send + Sync>;

/// How the spans of one provider are mapped.
#[derive(Clone)]
pub(super) struct Mapper {
    /// What the provider is called.
    pub(super) name: String,
    pub(super) access: Access,
    /// What spans and their places are multiples of.
    pub(super) page: usize,
    /// Whether the pages are of the system's pool of huge ones.
    pub(super) huge: bool,
    /// For `mmap`, but for the file.
    pub(super) flags: i32,
    /// Whether the system is asked for huge pages where they fit.
    pub(super) transparent: bool,
    /// Whether the pages are there before anybody touches them.
    pub(super) populate: bool,
    /// Whether the pages stay in memory.
    pub(super) lock: bool,
    pub(super) bind: Option<Bind>,
}

impl Mapper {
    /// The usual: readable and writable, with pages as they are touched.
    pub(super) fn new(name: &str, access: Access, page: usize, flags: i32) -> Self {
        let name = name.to_owned();
        let (transparent, populate, lock, bind) = (false, false, false, None);
        Self { name, access, page, huge: false, flags, transparent, populate, lock, bind }
    }

    /// A request in pages: its size, and its alignment.
    pub(super) fn request(
        &self,
        size: usize,
        align: usize,
    ) -> Result<(usize, usize), ProviderError> {
        let (len, align) = check::request(&self.name, size, align, self.page)?;
        let huge = self.transparent && len >= HUGE;
        Ok((len, if huge { align.max(HUGE) } else { align }))
    }

    /// Maps a span whose pages are not there yet, and says where they are to be.
    pub(super) fn map(
        &self,
        len: usize,
        align: usize,
        file: i32,
        at: usize,
    ) -> Result<Span, ProviderError> {
        let what = Contents { access: self.access.bits(), flags: self.flags, file, at };
        let start =
            map::map(len, align, what).map_err(|error| self.failed("mmap", len, error.0))?;
        let span = Span::new(start, len);
        let ready =
            self.advise(span).and_then(|()| self.bind.as_ref().map_or(Ok(()), |it| it(span)));
        if ready.is_err() {
            // SAFETY: the span was just mapped, and nobody else knows of it.
            let _ = unsafe { self.unmap(span) };
        }
        ready.map(|()| span)
    }

    /// Brings in the pages of a new span, as far as that is asked for.
    pub(super) fn settle(&self, span: Span) -> Result<(), ProviderError> {
        if self.populate {
            self.touch(span)?;
        }
        if self.lock {
            // SAFETY: the span is mapped; locking it changes no contents.
            let result = unsafe { libc::mlock(span.start.as_ptr().cast(), span.len) };
            self.check("mlock (see ulimit -l)", span, result)?;
        }
        Ok(())
    }

    /// Makes the pages of a span present, as by reading or writing them.
    pub(super) fn touch(&self, span: Span) -> Result<(), ProviderError> {
        let write = self.access.can_write();
        let advice = if write { libc::MADV_POPULATE_WRITE } else { libc::MADV_POPULATE_READ };
        // SAFETY: the span is mapped; making its pages present changes no contents.
        let result = unsafe { libc::madvise(span.start.as_ptr().cast(), span.len, advice) };
        match result {
            // What would have been a signal: there is nothing to put behind the page.
            -1 if errno() == libc::EFAULT => Err(self.failed("madvise", span.len, libc::ENOSPC)),
            result => self.check("madvise(MADV_POPULATE)", span, result),
        }
    }

    /// # Safety
    ///
    /// The span was mapped here, and is nobody's any more.
    pub(super) unsafe fn unmap(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: the contract above.
        unsafe { map::unmap(span.start, span.len) }
            .map_err(|error| self.failed("munmap", span.len, error.0))
    }

    /// What a call for `span` returned.
    pub(super) fn check(
        &self,
        call: &'static str,
        span: Span,
        result: i32,
    ) -> Result<(), ProviderError> {
        match result {
            0 => Ok(()),
            _ => Err(self.failed(call, span.len, errno())),
        }
    }

    /// The error for a call that failed while `bytes` were wanted.
    pub(super) fn failed(&self, call: &'static str, bytes: usize, code: i32) -> ProviderError {
        match code {
            libc::ENOMEM | libc::ENOSPC if self.huge => huge::used_up(self.page, bytes),
            _ => check::failed(&self.name, call, bytes, code),
        }
    }

    /// The page size that suits spans of `size` bytes best.
    pub(super) fn recommended_page_size(&self, size: usize) -> usize {
        let huge = self.transparent && size >= HUGE;
        if huge { self.page.max(HUGE) } else { self.page }
    }

    pub(super) fn touchable(&self) -> bool {
        self.access.can_read() && self.access.can_write()
    }

    fn advise(&self, span: Span) -> Result<(), ProviderError> {
        if !self.transparent || span.len < HUGE {
            return Ok(());
        }
        // SAFETY: the span is mapped; the advice changes no contents.
        match unsafe { libc::madvise(span.start.as_ptr().cast(), span.len, libc::MADV_HUGEPAGE) } {
            0 => Ok(()),
            _ if errno() == libc::EINVAL => Err(ProviderError::Missing {
                what: "transparent huge pages".into(),
                hint: "use a kernel with CONFIG_TRANSPARENT_HUGEPAGE, or do without",
            }),
            result => self.check("madvise(MADV_HUGEPAGE)", span, result),
        }
    }
}

impl fmt::Debug for Mapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapper")
            .field("name", &self.name)
            .field("access", &self.access)
            .field("page", &self.page)
            .field("bound", &self.bind.is_some())
            .finish_non_exhaustive()
    }
}
