//! Parts of one file, each a mapping of its own.

mod backing;
mod provide;

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::coarse::{FreeRanges, Strategy};
use super::live::Live;
use super::mapper::Mapper;
use super::{Meter, ProviderError, Span, check, direct};
use crate::sys::file_id::FileId;
use crate::sys::map::HUGE;
use crate::sys::space;

/// What others find the file by.
#[derive(Debug)]
pub(super) enum FileName {
    Anonymous,
    Shm(String),
    File(PathBuf),
    Dax(PathBuf),
}

/// How long the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// As long as it has to be. Space is taken from the file system and given back.
    Grows,
    /// So many bytes, all of them there.
    Fixed(usize),
}

/// What a part of the file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Contents {
    /// Nothing yet, and there may be no space behind it.
    New,
    /// What was there before, in space of its own but for holes.
    Kept,
}

/// Spans of one file.
///
/// Where a span starts in the file does not depend on how it is aligned in memory, and
/// is used again once the span is freed.
#[derive(Debug)]
pub(super) struct FileSpans {
    mapper: Mapper,
    file: File,
    id: FileId,
    name: FileName,
    length: Length,
    /// Whether what is written goes to the file.
    shared: bool,
    in_memory: bool,
    /// What the file held when it was opened, in bytes; a multiple of the page size.
    found: usize,
    state: Mutex<State>,
    meter: Meter,
    /// The process that opened the file; forked children have copies of all this.
    process: u32,
}

#[derive(Debug)]
struct State {
    /// Offsets for new spans.
    free: FreeRanges,
    /// Offsets that hold what was there before, for who asks for just that.
    kept: FreeRanges,
    live: Live,
    /// Where the file ends, as far as it was handed out.
    end: usize,
}

impl FileSpans {
    /// The first `found` bytes of the file, rounded up to pages, are handed out by
    /// [`adopt`](Self::adopt) alone.
    pub(super) fn new(
        mapper: Mapper,
        file: File,
        name: FileName,
        length: Length,
        found: usize,
    ) -> Result<Self, ProviderError> {
        let id = backing::file_id(&file)?;
        let page = mapper.page;
        let found = found.next_multiple_of(page);
        let ranges = || FreeRanges::new(page, Strategy::CheckAllSizes);
        let (mut free, mut kept) = (ranges(), ranges());
        let end = match length {
            Length::Grows => found,
            Length::Fixed(len) => len & !(page - 1),
        };
        if found > 0 {
            kept.put(0, found.min(end), |_| false);
        }
        if end > found {
            free.put(found, end - found, |_| false);
        }
        let shared = mapper.flags & libc::MAP_TYPE != libc::MAP_PRIVATE;
        let in_memory = space::is_in_memory(file.as_fd());
        let state = Mutex::new(State { free, kept, live: Live::default(), end });
        let (meter, process) = (Meter::new(), std::process::id());
        Ok(Self { mapper, file, id, name, length, shared, in_memory, found, state, meter, process })
    }

    /// Hands out what `len` bytes at `offset` of the file held when it was opened.
    pub(super) fn adopt(&self, offset: u64, len: usize) -> Result<Span, ProviderError> {
        let bad = |why: &str| {
            let (value, why) = (format!("{offset} for {len} bytes"), why.to_owned());
            ProviderError::BadSetting { setting: "offset", value, why }
        };
        let page = self.mapper.page;
        let at = usize::try_from(offset).ok().filter(|at| at.is_multiple_of(page));
        let at = at.ok_or_else(|| bad("it is no multiple of the page size"))?;
        let (len, align) = self.mapper.request(len, page)?;
        if !self.state().kept.take_at(at, len) {
            return Err(bad("the file did not hold all of it when it was opened, or it is in use"));
        }
        let span = self.place(at, len, align, Contents::Kept);
        if span.is_err() {
            self.state().kept.put(at, len, |_| false);
        }
        span
    }

    /// Takes a span back, whose bytes stay in the file.
    ///
    /// # Safety
    ///
    /// As for [`Provider::free`](super::Provider::free).
    pub(super) unsafe fn release(&self, span: Span) -> Result<(), ProviderError> {
        // SAFETY: passed on from the caller.
        let at = unsafe { self.withdraw(span, |_| false) }?;
        self.state().kept.put(at, span.len, |_| false);
        Ok(())
    }

    /// Where in the file something starts that lies in a span handed out.
    pub(super) fn offset_of(&self, span: Span) -> Result<usize, ProviderError> {
        self.state().live.offset_of(span).ok_or_else(|| self.foreign(span))
    }

    /// Writes what is in `span` to where it stays.
    ///
    /// # Safety
    ///
    /// `span` lies in one that was handed out.
    pub(super) unsafe fn flush(&self, span: Span) -> Result<(), ProviderError> {
        self.checked(span)?;
        // SAFETY: the span is mapped (just seen); its contents stay.
        let result = unsafe { libc::msync(span.start.as_ptr().cast(), span.len, libc::MS_SYNC) };
        self.mapper.check("msync", span, result)
    }

    /// Maps a part of the file that nobody else has, and hands it out.
    fn place(
        &self,
        at: usize,
        len: usize,
        align: usize,
        contents: Contents,
    ) -> Result<Span, ProviderError> {
        let span = self.mapper.map(len, align, self.file()?.as_raw_fd(), at)?;
        // The pages come after they were said where to be.
        let settled = self.back(span, at, contents).and_then(|()| self.mapper.settle(span));
        if let Err(error) = settled {
            // SAFETY: the span was just mapped, and nobody else knows of it.
            let _ = unsafe { self.mapper.unmap(span) };
            return Err(error);
        }
        self.state().live.insert(span, at);
        self.meter.add(len);
        Ok(span)
    }

    /// Unmaps a span, and gives the space behind it back if `clears` says so for where in
    /// the file it was, which is returned.
    ///
    /// # Safety
    ///
    /// As for [`Provider::free`](super::Provider::free).
    unsafe fn withdraw(
        &self,
        span: Span,
        clears: impl Fn(usize) -> bool,
    ) -> Result<usize, ProviderError> {
        let at = self.state().live.remove(span).ok_or_else(|| self.foreign(span))?;
        // SAFETY: it was handed out (just seen), and the caller does not use it any more.
        let gone = unsafe {
            let cleared = if clears(at) { self.clear(span, at) } else { Ok(()) };
            cleared.and_then(|()| self.mapper.unmap(span))
        };
        match gone {
            Ok(()) => self.meter.sub(span.len),
            Err(_) => self.state().live.insert(span, at),
        }
        gone.map(|()| at)
    }

    /// Takes offsets, at the end of the file if there are no others.
    fn take(&self, len: usize) -> Result<usize, ProviderError> {
        let huge = self.mapper.transparent && len >= HUGE;
        let align = if huge { HUGE.max(self.mapper.page) } else { self.mapper.page };
        let mut state = self.state();
        if let Some(at) = state.free.take(len, align) {
            return Ok(at);
        }
        let none = || self.failed("allocate", len, 0);
        let end = state.end;
        let tail = state.free.before(end).map_or(end, |(start, _)| start);
        let at = tail.checked_next_multiple_of(align).ok_or_else(none)?;
        let longer = at.checked_add(len).filter(|_| self.length == Length::Grows);
        let longer = longer.ok_or_else(none)?;
        self.lengthen(longer, len)?;
        state.free.put(end, longer - end, |_| false);
        state.end = longer;
        state.free.take_at(at, len).then_some(at).ok_or_else(none)
    }

    /// As [`offset_of`](Self::offset_of), for whole pages.
    fn checked(&self, span: Span) -> Result<usize, ProviderError> {
        check::pages(span, self.mapper.page)?;
        self.offset_of(span)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn foreign(&self, span: Span) -> ProviderError {
        check::foreign(&self.mapper.name, span)
    }

    fn failed(&self, call: &'static str, bytes: usize, code: i32) -> ProviderError {
        self.mapper.failed(call, bytes, code)
    }
}

/// Sets the file free for others, unless spans of it are still mapped.
///
/// To close it would not be enough: a program that another thread is just starting has a
/// copy of every descriptor until it runs.
impl Drop for FileSpans {
    fn drop(&mut self) {
        let is_mine = self.process == std::process::id() && self.state().live.is_empty();
        if let Ok(file) = self.file()
            && is_mine
        {
            direct::disclaim(file);
        }
    }
}
