//! Single frames that a processor keeps at hand.

use core::fmt;

use super::allocator::{FrameAllocator, OnCpu};
use super::bits::set_bits;
use super::error::FrameError;
use super::frame::Frame;
use super::layout::BITS;
use crate::sync::{Arena, Bytes};

/// Single frames that one processor keeps at hand: a few instructions to take or free one, none
/// of which is atomic.
///
/// It is a stack of at most `N` frames, 2 or more. When it is empty, it takes what is free in
/// one word of the bitmap, up to `N / 2` frames; when it is full, the `N / 2` that lie there
/// longest go back, those that share a word by one update.
///
/// - What is in a cache is not free for others, nor in the [statistics](super::FrameStats): a
///   group may not be had while one of its frames is cached. When memory runs short, a kernel
///   lets every processor [drain](Self::drain) its cache, and tries again.
/// - Its owner has it for itself (`&mut`): a kernel keeps interrupts from coming meanwhile, or
///   has another cache for their handlers. Those can always use [`OnCpu`] directly.
/// - That a frame was freed twice is not seen before it goes back to the allocator. Until then it
///   may be handed out twice.
///
/// When it is dropped, all goes back.
///
/// Magazines of processors are from Bonwick and Adams, *Magazines and Vmem: Extending the Slab
/// Allocator to Many CPUs and Arbitrary Resources*, USENIX ATC 2001.
///
/// ```
/// use anymem_core::frames::{Frame, FrameAllocator, FrameCache, Request, metadata_size};
///
/// let span = Frame::new(0)..Frame::new(1024);
/// let mut metadata = vec![0; metadata_size(1024, 2)];
/// let frames = FrameAllocator::new(span.clone(), 2, &mut metadata)?;
/// frames.release(span)?;
///
/// let mut cache = FrameCache::new(frames.on(1)); // of processor 1, 128 frames at most
/// let page = cache.allocate()?;
/// cache.free(page)?;
/// assert_eq!(cache.allocate()?, page);
/// cache.free(page)?;
///
/// // The frames at hand are missing in the second group.
/// let groups = [Request::order(9); 2].map(|it| frames.on(0).allocate(it));
/// assert!(groups[0].is_ok() && groups[1].is_err());
/// cache.drain()?;
/// assert!(frames.on(0).allocate(Request::order(9)).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FrameCache<'a, M: Arena = Bytes<'static>, const N: usize = 128> {
    /// How many frames the stack has.
    held: usize,
    /// The number of the first frame that is managed.
    first: usize,
    /// How many are managed.
    managed: usize,
    cpu: OnCpu<'a, M>,
    stack: [Frame; N],
}

impl<M: Arena, const N: usize> fmt::Debug for FrameCache<'_, M, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameCache")
            .field("cpu", &self.cpu)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

impl<'a, M: Arena> FrameCache<'a, M> {
    /// An empty cache of 128 frames at most, for the processor that `cpu` stands for.
    #[must_use]
    pub const fn new(cpu: OnCpu<'a, M>) -> Self {
        Self::with_capacity(cpu)
    }
}

impl<'a, M: Arena, const N: usize> FrameCache<'a, M, N> {
    /// Frames that come and go together.
    const HALF: usize = {
        assert!(N >= 2, "a cache of frames has room for two at least");
        N / 2
    };

    /// As [`new`](FrameCache::new), of `N` frames at most.
    ///
    /// ```
    /// # use anymem_core::frames::{Frame, FrameAllocator, FrameCache, metadata_size};
    /// # let mut metadata = vec![0; metadata_size(9, 1)];
    /// # let frames = FrameAllocator::new(Frame::new(0)..Frame::new(9), 1, &mut metadata)?;
    /// let cache = FrameCache::<_, 32>::with_capacity(frames.on(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub const fn with_capacity(cpu: OnCpu<'a, M>) -> Self {
        let layout = &cpu.frames.layout;
        let first = layout.frame(layout.start).number();
        let managed = layout.end - layout.start;
        Self { held: 0, first, managed, cpu, stack: [Frame::LAST; N] }
    }

    /// How many frames are at hand.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Takes the frame that was freed last, or one of a word's that are free.
    ///
    /// # Errors
    ///
    /// [`FrameError::NoneFree`] if none is at hand, nor free.
    #[inline]
    pub fn allocate(&mut self) -> Result<Frame, FrameError> {
        // One comparison: below 0 there is nothing either.
        let top = self.held.wrapping_sub(1);
        let Some(frame) = self.stack.get(top) else {
            return self.refill();
        };
        self.held = top;
        Ok(*frame)
    }

    /// Frees a frame, which may come from anywhere: another cache, or a group.
    ///
    /// # Errors
    ///
    /// - [`FrameError::Outside`] if it is not managed;
    /// - [`FrameError::Free`] of a frame that goes back to make room, and was freed twice. The
    ///   one that was to be freed now is at hand all the same.
    #[inline]
    pub fn free(&mut self, frame: Frame) -> Result<(), FrameError> {
        if frame.number().wrapping_sub(self.first) >= self.managed {
            return Err(FrameError::Outside(frame));
        }
        let Some(place) = self.stack.get_mut(self.held) else {
            return self.make_room_for(frame);
        };
        *place = frame;
        self.held += 1;
        Ok(())
    }

    /// Gives all frames back, so that others can have them.
    ///
    /// # Errors
    ///
    /// [`FrameError::Free`] of a frame that was freed twice. All others are free then.
    pub fn drain(&mut self) -> Result<(), FrameError> {
        self.give_back(self.held)
    }

    /// Takes frames of a word; one of them is not for the cache.
    #[cold]
    #[inline(never)]
    fn refill(&mut self) -> Result<Frame, FrameError> {
        let all = self.cpu.frames;
        let index = self.cpu.near(0).ok_or(FrameError::NoneFree { count: 1 })?;
        let others = all.map().bits.take_some(index / BITS, Self::HALF - 1);
        for (place, bit) in self.stack.iter_mut().zip(set_bits(others)) {
            *place = all.layout.frame(index / BITS * BITS + bit);
            self.held += 1;
        }
        Ok(all.layout.frame(index))
    }

    #[cold]
    #[inline(never)]
    fn make_room_for(&mut self, frame: Frame) -> Result<(), FrameError> {
        let given = self.give_back(Self::HALF);
        self.free(frame)?;
        given
    }

    /// Gives back the `count` frames that are at the bottom of the stack.
    fn give_back(&mut self, count: usize) -> Result<(), FrameError> {
        let mut given = Ok(());
        if let Some(oldest) = self.stack.get_mut(..count) {
            oldest.sort_unstable();
            let words = oldest.chunk_by(|one, next| one.number() / BITS == next.number() / BITS);
            words.for_each(|frames| given = given.and(free_in_word(self.cpu.frames, frames)));
        }
        self.stack.copy_within(count..self.held, 0);
        self.held -= count;
        given
    }
}

impl<M: Arena, const N: usize> Drop for FrameCache<'_, M, N> {
    fn drop(&mut self) {
        // Nobody is left to be told of a double free.
        let _ = self.drain();
    }
}

/// Frees frames that share a word, but for those that are free already.
///
/// # Errors
///
/// [`FrameError::Free`] of the first one that is, or is named twice.
fn free_in_word<M: Arena>(all: &FrameAllocator<M>, frames: &[Frame]) -> Result<(), FrameError> {
    let Some(index) = frames.first().and_then(|it| all.layout.index(*it)) else {
        return Ok(());
    };
    let (once, twice) = frames.iter().fold((0, 0), |(once, twice), frame| {
        let bit = 1 << (frame.number() % BITS);
        (once | bit, twice | once & bit)
    });
    let free = all.map().put_all(index / BITS, once) | twice;
    set_bits(free)
        .next()
        .map_or(Ok(()), |bit| Err(FrameError::Free(all.layout.frame(index / BITS * BITS + bit))))
}
