//! Everything that there is of something, in a list through itself, so that keeping it takes
//! no memory.

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::iter;
use core::ptr::NonNull;

use anymem_core::frames::{Frame, Request};

use crate::frames;

/// What a hoard is of: the heap's blocks of a layout, or [`PageFrames`].
pub trait Source {
    /// Memory for a [`Link`] at least, if there is any left.
    fn take(&self) -> Option<NonNull<Link>>;

    /// Gives memory back that was taken.
    fn give_back(&self, at: NonNull<Link>);
}

impl Source for Layout {
    fn take(&self) -> Option<NonNull<Link>> {
        // SAFETY: hoards have layouts with sizes.
        NonNull::new(unsafe { alloc(*self) }).map(NonNull::cast)
    }

    fn give_back(&self, at: NonNull<Link>) {
        // SAFETY: taken with this layout, and given back once.
        unsafe { dealloc(at.as_ptr().cast(), *self) };
    }
}

/// Single page frames.
pub struct PageFrames;

impl PageFrames {
    fn frame(at: NonNull<Link>) -> Frame {
        Frame::containing(at.addr().get() as u64, frames::SHIFT)
    }
}

impl Source for PageFrames {
    fn take(&self) -> Option<NonNull<Link>> {
        let frame = frames::here().allocate(Request::ONE).ok()?;
        NonNull::new(frames::pointer(frame))
    }

    fn give_back(&self, at: NonNull<Link>) {
        frames::here().free(Self::frame(at), 1).expect("a frame that is freed once");
    }
}

/// The first bytes of what is hoarded.
pub struct Link {
    former: Option<NonNull<Link>>,
}

/// All that there was.
pub struct Hoard<S: Source> {
    source: S,
    last: Option<NonNull<Link>>,
    pub count: usize,
}

impl Hoard<Layout> {
    /// All blocks of `size` bytes.
    pub fn of_blocks(size: usize) -> Self {
        Self::of(Layout::from_size_align(size.max(size_of::<Link>()), 16).expect("a layout"))
    }

    /// Bytes of all blocks.
    pub fn bytes(&self) -> usize {
        self.count * self.source.size()
    }
}

impl Hoard<PageFrames> {
    /// All that are in it.
    pub fn frames(&self) -> impl Iterator<Item = Frame> {
        // SAFETY: the list's links are its own.
        let former = |at: &NonNull<Link>| unsafe { at.as_ref() }.former;
        iter::successors(self.last, former).map(PageFrames::frame)
    }
}

impl<S: Source> Hoard<S> {
    /// All that `source` has.
    pub fn of(source: S) -> Self {
        let mut hoard = Self { source, last: None, count: 0 };
        while let Some(at) = hoard.source.take() {
            // SAFETY: it was just taken, and is large enough.
            unsafe { at.write(Link { former: hoard.last }) };
            (hoard.last, hoard.count) = (Some(at), hoard.count + 1);
        }
        hoard
    }
}

impl<S: Source> Drop for Hoard<S> {
    fn drop(&mut self) {
        while let Some(at) = self.last {
            // SAFETY: the list's links are its own.
            self.last = unsafe { at.as_ref() }.former;
            self.source.give_back(at);
        }
    }
}
