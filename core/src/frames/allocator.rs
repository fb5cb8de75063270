//! The allocator of frames, and the processors that use it.

use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use super::bits::set_bits;
use super::cpu::{CpuHints, Kind};
use super::error::{FrameError, SetupError};
use super::frame::Frame;
use super::layout::{ALIGN, AREA_ORDER, BITS, Layout};
use super::map::FrameMap;
use super::request::Request;
use crate::sync::{Arena, AtomicInt, Bytes};

/// Allocates page frames: see the [module](super).
pub struct FrameAllocator<M = Bytes<'static>> {
    arena: M,
    pub(super) layout: Layout,
}

impl<M> fmt::Debug for FrameAllocator<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameAllocator").field("layout", &self.layout).finish_non_exhaustive()
    }
}

/// Bytes of metadata for `frames` frames and `cpus` processors: 66 for 512 frames, and 1024 for a
/// processor.
///
/// `usize::MAX` where there cannot be as many.
///
/// ```
/// // 4 GiB in frames of 4 KiB, for 8 processors.
/// assert!(anymem_core::frames::metadata_size(1 << 20, 8) < 150_000);
/// ```
#[must_use]
pub const fn metadata_size(frames: usize, cpus: usize) -> usize {
    // The first frame may be the last one of its area, and the bytes may begin anywhere.
    let span = Frame::new(511)..Frame::new(511).add(frames);
    Layout::new(&span, cpus).size().saturating_add(ALIGN - 1)
}

impl<'m> FrameAllocator<Bytes<'m>> {
    /// Manages the frames of `span` for `cpus` processors, with all it knows in `metadata`;
    /// none of them is free before it is [released](Self::release).
    ///
    /// Of a memory map with holes, `span` goes from the first frame to the last. A hole costs
    /// one bit a frame; memories that are far apart, such as nodes of a large machine, have
    /// better one allocator each.
    ///
    /// # Errors
    ///
    /// - [`SetupError::NoFrames`] if `span` is empty;
    /// - [`SetupError::Metadata`] if `metadata` is shorter than [`metadata_size`].
    pub fn new(
        span: Range<Frame>,
        cpus: usize,
        metadata: &'m mut [u8],
    ) -> Result<Self, SetupError> {
        let given = metadata.len();
        let padding = metadata.as_ptr().align_offset(ALIGN);
        let layout = Layout::new(&span, cpus);
        let end = padding.saturating_add(layout.size());
        let Some(metadata) = metadata.get_mut(padding..end) else {
            let frames = span.end.number().saturating_sub(span.start.number());
            return Err(SetupError::Metadata { needed: metadata_size(frames, cpus), given });
        };
        metadata.fill(0);
        let len = metadata.len();
        // SAFETY: the bytes are borrowed for 'm, so nobody else uses them; they are aligned
        // to more than 16.
        let arena = unsafe { Bytes::new(NonNull::from(metadata).cast(), len) };
        Self::over(arena, span, cpus)
    }
}

impl<M: Arena> FrameAllocator<M> {
    /// As [`new`](FrameAllocator::new), with the metadata in the first words of an arena, all of
    /// which are 0: for model checkers, whose words are no bytes.
    ///
    /// # Errors
    ///
    /// [`SetupError::NoFrames`] if `span` is empty.
    pub fn over(arena: M, span: Range<Frame>, cpus: usize) -> Result<Self, SetupError> {
        if span.start >= span.end {
            return Err(SetupError::NoFrames);
        }
        Ok(Self { arena, layout: Layout::new(&span, cpus) })
    }

    /// The allocator as processor number `cpu` uses it.
    ///
    /// The number chooses what is remembered, nothing else: a thread that has moved to
    /// another processor since may go on with it. Numbers that there are no processors of share
    /// with others.
    #[must_use]
    #[inline]
    pub const fn on(&self, cpu: usize) -> OnCpu<'_, M> {
        let cpus = self.layout.cpus;
        OnCpu { frames: self, cpu: if cpu < cpus { cpu } else { cpu % cpus } }
    }

    /// Lets frames be allocated that are not yet, or are [reserved](Self::reserve): ordinary
    /// memory of the memory map, a boot module that is done with, memory that was plugged
    /// in.
    ///
    /// # Errors
    ///
    /// [`FrameError::Empty`], [`FrameError::Outside`], and [`FrameError::Free`] if one of them
    /// may be allocated already.
    pub fn release(&self, frames: Range<Frame>) -> Result<(), FrameError> {
        let (first, count) = self.indices(frames.start, distance(&frames))?;
        self.usable().fetch_add(count, Ordering::Relaxed);
        self.put(first, count).inspect_err(|_| self.forget(count))
    }

    /// Keeps frames from being allocated: registers of devices, the kernel itself, boot
    /// modules, memory that is to be unplugged.
    ///
    /// # Errors
    ///
    /// [`FrameError::Empty`], [`FrameError::Outside`], and [`FrameError::Taken`] if one of them
    /// is in use, or may not be allocated anyway.
    pub fn reserve(&self, frames: Range<Frame>) -> Result<(), FrameError> {
        let (first, count) = self.indices(frames.start, distance(&frames))?;
        let taken = self.map().take(first, count);
        taken.map_err(|index| FrameError::Taken(self.layout.frame(index)))?;
        self.forget(count);
        Ok(())
    }

    /// How many frames were released, and not reserved since.
    #[inline]
    pub(super) fn usable(&self) -> &<M::A as crate::sync::Atomics>::Word {
        self.arena.word(self.layout.usable)
    }

    fn forget(&self, count: usize) {
        self.usable().fetch_add(count.wrapping_neg(), Ordering::Relaxed);
    }

    #[inline]
    pub(super) const fn map(&self) -> FrameMap<'_, M> {
        FrameMap::new(&self.arena, &self.layout)
    }

    #[inline]
    pub(super) const fn hints(&self, cpu: usize) -> CpuHints<'_, M> {
        CpuHints::new(&self.arena, &self.layout, cpu)
    }

    #[inline]
    fn put(&self, first: usize, count: usize) -> Result<(), FrameError> {
        let put = self.map().put(first, count);
        put.map_err(|index| FrameError::Free(self.layout.frame(index)))
    }

    /// The index of the first of `count` frames, all of which are managed.
    #[inline]
    fn indices(&self, first: Frame, count: usize) -> Result<(usize, usize), FrameError> {
        let index = self.layout.index(first).ok_or(FrameError::Outside(first))?;
        match count {
            0 => Err(FrameError::Empty),
            count if count > self.layout.end - index => {
                Err(FrameError::Outside(self.layout.frame(self.layout.end)))
            }
            count => Ok((index, count)),
        }
    }
}

fn distance(frames: &Range<Frame>) -> usize {
    frames.end.number().saturating_sub(frames.start.number())
}

/// A [`FrameAllocator`] as one processor uses it.
pub struct OnCpu<'a, M = Bytes<'static>> {
    pub(super) frames: &'a FrameAllocator<M>,
    cpu: usize,
}

impl<M> Clone for OnCpu<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for OnCpu<'_, M> {}

impl<M> fmt::Debug for OnCpu<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnCpu").field("cpu", &self.cpu).finish_non_exhaustive()
    }
}

impl<M: Arena> OnCpu<'_, M> {
    /// Takes frames that are free; the first one.
    ///
    /// Single frames come from those that this processor freed last, then from its home; groups
    /// of less than 512 from its home for groups; those of 512 to 4096 from its home for such. All
    /// others are taken from the last place there is, and so is what has to be below a limit: what
    /// is low in memory, and all that some devices reach, is used last.
    ///
    /// # Errors
    ///
    /// [`FrameError::NoneFree`], and [`FrameError::Empty`] for a request for nothing.
    #[inline]
    pub fn allocate(&self, request: Request) -> Result<Frame, FrameError> {
        let one = request == Request::ONE;
        let found = if one { self.one() } else { self.chosen(request) };
        found.map(|index| self.frames.layout.frame(index)).ok_or(match request.count {
            0 => FrameError::Empty,
            count => FrameError::NoneFree { count },
        })
    }

    /// Frees `count` frames from `first` on: all that were allocated together, or a part of
    /// them.
    ///
    /// # Errors
    ///
    /// [`FrameError::Empty`], [`FrameError::Outside`], and [`FrameError::Free`] if one of them
    /// is free already. Frames that somebody else has now cannot be told from those.
    #[inline]
    pub fn free(&self, first: Frame, count: usize) -> Result<(), FrameError> {
        if count != 1 {
            let (index, count) = self.frames.indices(first, count)?;
            return self.frames.put(index, count);
        }
        let index = self.frames.layout.index(first).ok_or(FrameError::Outside(first))?;
        if !self.frames.map().put_one(index) {
            return Err(FrameError::Free(first));
        }
        self.hints().push(index);
        Ok(())
    }

    #[inline]
    const fn hints(&self) -> CpuHints<'_, M> {
        self.frames.hints(self.cpu)
    }

    /// Takes a frame that this processor remembers and nobody has taken, or one near by.
    #[inline]
    fn one(&self) -> Option<usize> {
        // Each turn forgets a frame. What an interrupt handler adds meanwhile it has freed,
        // so it is likely to be had.
        while let Some(index) = self.hints().pop() {
            if self.frames.map().take_one(index) {
                return Some(index);
            }
        }
        let index = self.near(0)?;
        self.remember_around(index);
        Some(index)
    }

    /// Takes what is asked for, from wherever such is taken from.
    fn chosen(&self, request: Request) -> Option<usize> {
        let layout = &self.frames.layout;
        let end = request.below.number().saturating_sub(layout.base);
        match request.as_order() {
            _ if end < layout.end => self.below(request, end),
            Some(order) if order < AREA_ORDER => self.near(order),
            Some(order) if layout.is_large(order) => {
                self.large(order).or_else(|| self.below(request, usize::MAX))
            }
            _ => self.below(request, usize::MAX),
        }
    }

    /// Remembers what is free in the word of a frame, the last one to be taken first.
    fn remember_around(&self, index: usize) {
        let word = index / BITS;
        let free = self.frames.map().bits.look(word);
        set_bits(free).for_each(|bit| self.hints().push(word * BITS + bit));
    }

    /// Takes a group of less than an area from the home for such, or where there is one.
    pub(super) fn near(&self, order: u32) -> Option<usize> {
        let map = self.frames.map();
        let home = self.hints().home(Kind::of(order));
        self.take_in(home, order)
            .or_else(|| self.in_new_home(order))
            .or_else(|| map.take_order(order, usize::MAX))
    }

    /// Takes a group from an area that is remembered.
    fn take_in(&self, area: Option<usize>, order: u32) -> Option<usize> {
        let area = area.filter(|area| *area < self.frames.layout.areas)?;
        self.frames.map().take_group(area, order, usize::MAX)
    }

    /// Takes a group from an area that is nobody's home, and makes it ours.
    fn in_new_home(&self, order: u32) -> Option<usize> {
        let (map, hints) = (self.frames.map(), self.hints());
        let mut end = self.frames.layout.areas;
        while let Some(area) = map.notes.find(order, end) {
            end = area;
            if !hints.claim(area) {
                continue;
            }
            if let Some(first) = map.take_group(area, order, usize::MAX) {
                hints.move_to(Kind::of(order), area);
                return Some(first);
            }
            hints.leave(area);
            map.note_lack(area, order);
        }
        None
    }

    /// Takes a group of an area or more, of what is free as a whole, from the zone that is home for
    /// such, or from another.
    fn large(&self, order: u32) -> Option<usize> {
        let (map, layout) = (self.frames.map(), &self.frames.layout);
        let home = self.hints().home(Kind::Large).and_then(|it| it.checked_sub(layout.areas));
        home.filter(|zone| *zone < layout.zones)
            .and_then(|zone| map.take_wholes(zone, order))
            .or_else(|| self.in_new_zone(order))
            .or_else(|| (0..layout.zones).rev().find_map(|zone| map.take_wholes(zone, order)))
    }

    /// Takes a large group from a zone that is nobody's home, and makes it ours.
    fn in_new_zone(&self, order: u32) -> Option<usize> {
        let (map, hints, layout) = (self.frames.map(), self.hints(), &self.frames.layout);
        (0..layout.zones).rev().find_map(|zone| {
            let place = layout.areas + zone;
            if hints.is_claimed(place) || !hints.claim(place) {
                return None;
            }
            let first = map.take_wholes(zone, order);
            match first {
                Some(_) => hints.move_to(Kind::Large, place),
                None => hints.leave(place),
            }
            first
        })
    }

    /// Takes the last frames that are as wanted and have an index below `end`.
    fn below(&self, request: Request, end: usize) -> Option<usize> {
        let map = self.frames.map();
        match request.as_order() {
            Some(order) if order <= AREA_ORDER => map.take_order(order, end),
            _ if request.count == 0 => None,
            _ => map.take_run(request, end),
        }
    }
}
