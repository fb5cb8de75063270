//! A pool's side of its threads' caches.

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use super::local::{self, Cache, FORKS};
use super::magazine::{Magazine, Pushed};
use super::{Caches, Lanes};
use crate::pool::PoolError;
use crate::pool::lock::{Lock, Locked};
use crate::thread::fork;

/// How many blocks of a lane a thread keeps at first; twice as many each time that there is
/// no room for one more.
const FIRST_ROOM: usize = 128;

/// What became of a block that was freed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is free.
    Kept,
    /// It can be seen to have been free already.
    Again,
}

/// The caches in front of a pool. Dropping it gives back what all threads keep.
pub(crate) struct Front {
    /// The pool's number.
    key: usize,
    shared: Arc<Shared>,
}

/// What a pool and the caches of its blocks both have.
pub(super) struct Shared {
    key: usize,
    /// How many forks lay before the process when nobody's blocks were looked for last.
    forks: AtomicUsize,
    state: Lock<State>,
}

struct State {
    /// The pool; `None` once it goes.
    lanes: Option<Arc<dyn Lanes>>,
    caches: Vec<NonNull<Cache>>,
    /// What those had popped that are no more, and what was taken without a cache.
    popped: usize,
    /// Blocks that came back without being live ones.
    misuses: usize,
}

/// What was counted in the caches of a pool.
///
/// No thread that ends hands its blocks back as long as this lives: who counts what the pool
/// has handed out, too, finds each block in one place.
pub(crate) struct Counted<'f> {
    /// How many blocks were ever handed out.
    pub(crate) popped: usize,
    /// How often one came back that was not live.
    pub(crate) misuses: usize,
    _state: Locked<'f, State>,
}

// SAFETY: the caches are pointed to, and everything of them that others than their
// threads touch is atomic, or touched when the thread does not: it ends, or the pool goes.
unsafe impl Send for State {}

impl Front {
    /// Caches of the blocks of `lanes`, whose pages have `key`.
    pub(crate) fn new(key: usize, lanes: Arc<dyn Lanes>) -> Self {
        let state = State { lanes: Some(lanes), caches: Vec::new(), popped: 0, misuses: 0 };
        let forks = AtomicUsize::new(FORKS.load(Ordering::Relaxed));
        Self { key, shared: Arc::new(Shared { key, forks, state: Lock::new(state) }) }
    }

    /// What a handle needs to look into them.
    pub(crate) fn caches(&self) -> Caches {
        Caches { key: self.key }
    }

    /// Small blocks are of other lanes from now on.
    pub(crate) fn renew(&self, lanes: &dyn Lanes) {
        self.shared.adopt();
        for cache in &self.shared.state.lock().caches {
            // SAFETY: in the list, so its thread has not dropped it.
            unsafe { cache.as_ref() }.small.copy(lanes);
        }
    }

    /// Gets new blocks of a lane, and takes one.
    ///
    /// # Errors
    ///
    /// There is no memory.
    #[cold]
    pub(crate) fn refill(&self, lanes: &dyn Lanes, lane: usize) -> Result<NonNull<u8>, PoolError> {
        self.shared.adopt();
        if let Some(magazine) = self.magazine(lanes, lane) {
            let most = (magazine.room() / 2).max(1);
            // SAFETY: the calling thread's, and empty; a pool takes from others only.
            unsafe { magazine.fill(most, |places| lanes.take(lane, places)) }?;
            // SAFETY: as above.
            if let Some(block) = unsafe { magazine.pop() } {
                return Ok(block);
            }
        }
        let mut block = [core::ptr::null_mut()];
        lanes.take(lane, &mut block)?;
        self.shared.state.lock().popped += 1;
        NonNull::new(block[0]).ok_or(PoolError::TooLarge { requested: 0 })
    }

    /// Frees a block that the calling thread has no room for.
    ///
    /// # Safety
    ///
    /// The block is one of the lane, and nobody uses it any more.
    #[cold]
    pub(crate) unsafe fn spill(&self, lanes: &dyn Lanes, lane: usize, block: NonNull<u8>) -> Kept {
        self.shared.adopt();
        let Some(magazine) = self.magazine(lanes, lane) else {
            // SAFETY: passed on from the caller.
            let refused = unsafe { lanes.put(lane, &[block]) };
            return if refused == 0 { Kept::Kept } else { Kept::Again };
        };
        // SAFETY: the calling thread's.
        if unsafe { magazine.is_last(block) } {
            return Kept::Again;
        }
        // SAFETY: as above.
        unsafe { self.shared.furnish(magazine, (magazine.room() * 2).min(lanes.room(lane))) };
        let half = magazine.room().div_ceil(2);
        if magazine.len() >= magazine.room() {
            // SAFETY: the calling thread's, and all its blocks are of the lane.
            unsafe { self.shared.give(lanes, lane, magazine, half) };
        }
        // SAFETY: the calling thread's.
        match unsafe { magazine.push(block) } {
            Pushed::Again => Kept::Again,
            Pushed::Kept | Pushed::Full => Kept::Kept,
        }
    }

    /// Gives back what the calling thread keeps.
    pub(crate) fn flush(&self, lanes: &dyn Lanes) {
        self.shared.adopt();
        // SAFETY: not used beyond this call.
        let Some(cache) = (unsafe { local::find(self.key) }) else { return };
        for (lane, magazine) in cache.magazines.iter().enumerate() {
            // SAFETY: the calling thread's.
            unsafe { self.shared.give(lanes, lane, magazine, magazine.len()) };
        }
    }

    /// Gives back what all threads keep, for the pool goes.
    pub(crate) fn close(&mut self) {
        let mut state = self.shared.state.lock();
        let Some(lanes) = state.lanes.take() else { return };
        while let Some(cache) = state.caches.pop() {
            // SAFETY: in the list, so its thread has not dropped it; nor does it use it, for
            // nobody uses the pool any more.
            unsafe { state.empty(&*lanes, cache.as_ref()) };
            // SAFETY: as above.
            let cache = unsafe { cache.as_ref() };
            // SAFETY: as above, and just emptied.
            cache.magazines.iter().for_each(|magazine| unsafe { magazine.strip() });
            cache.key.store(0, Ordering::Relaxed);
        }
    }

    /// Calls `call` with each lane of each thread where blocks are kept, and how many.
    pub(crate) fn count(&self, mut call: impl FnMut(usize, usize)) -> Counted<'_> {
        self.shared.adopt();
        let state = self.shared.state.lock();
        let mut popped = state.popped;
        for cache in &state.caches {
            // SAFETY: in the list, so its thread has not dropped it.
            for (lane, magazine) in unsafe { cache.as_ref() }.magazines.iter().enumerate() {
                popped = popped.wrapping_add(magazine.popped());
                if magazine.len() > 0 {
                    call(lane, magazine.len());
                }
            }
        }
        Counted { popped, misuses: state.misuses, _state: state }
    }

    /// The calling thread's magazine of a lane, made if there is none.
    fn magazine(&self, lanes: &dyn Lanes, lane: usize) -> Option<&Magazine> {
        // SAFETY: not used beyond the call that this is part of.
        let found = unsafe { local::find(self.key) };
        // SAFETY: as above.
        let cache = found.or_else(|| unsafe { local::make(&self.shared) })?;
        let magazine = cache.magazines.get(lane)?;
        // SAFETY: the calling thread's.
        unsafe { self.shared.furnish(magazine, lanes.room(lane).min(FIRST_ROOM)) };
        (magazine.room() > 0).then_some(magazine)
    }
}

impl Shared {
    pub(super) fn key(&self) -> usize {
        self.key
    }

    /// Lists a new cache; whether it may be used.
    pub(super) fn admit(&self, cache: NonNull<Cache>) -> bool {
        let mut state = self.state.lock();
        let Some(lanes) = state.lanes.clone() else { return false };
        if state.caches.try_reserve(1).is_err() {
            return false;
        }
        state.caches.push(cache);
        // SAFETY: it was just made.
        let cache = unsafe { cache.as_ref() };
        cache.small.copy(&*lanes);
        cache.key.store(self.key, Ordering::Relaxed);
        true
    }

    /// Takes back what is in the calling thread's cache, and strikes it off the list.
    pub(super) fn dismiss(&self, cache: &Cache) {
        let mut state = self.state.lock();
        state.caches.retain(|other| !core::ptr::eq(other.as_ptr(), cache));
        if let Some(lanes) = state.lanes.clone() {
            // SAFETY: the calling thread's, which ends.
            unsafe { state.empty(&*lanes, cache) };
        }
    }

    /// Makes room for so many blocks, if there is less and there is memory.
    ///
    /// # Safety
    ///
    /// The magazine is the calling thread's.
    unsafe fn furnish(&self, magazine: &Magazine, room: usize) {
        if magazine.room() < room {
            // Who counts blocks, and a forked child, find what belongs together.
            let _state = self.state.lock();
            // SAFETY: passed on from the caller; who counts has the lock.
            unsafe { magazine.grow(room) };
        }
    }

    /// Gives the `count` blocks that are in a magazine for longest back.
    ///
    /// # Safety
    ///
    /// The magazine is the calling thread's, of that lane.
    unsafe fn give(&self, lanes: &dyn Lanes, lane: usize, magazine: &Magazine, count: usize) {
        // A forked child must not find in it what the pool has back already.
        let _hold = fork::hold();
        // SAFETY: passed on from the caller.
        let blocks = unsafe { magazine.blocks() };
        let Some(blocks) = blocks.get(..count).filter(|blocks| !blocks.is_empty()) else { return };
        // SAFETY: they were freed, and are taken out below before anybody sees them.
        let refused = unsafe { lanes.put(lane, blocks) };
        // SAFETY: passed on from the caller.
        unsafe { magazine.forget(count) };
        if refused > 0 {
            self.state.lock().misuses += refused;
        }
    }

    /// Takes over, in a forked child, what threads kept that are not there.
    fn adopt(&self) {
        let forks = FORKS.load(Ordering::Relaxed);
        if self.forks.load(Ordering::Relaxed) != forks {
            self.adopt_since(forks);
        }
    }

    #[cold]
    fn adopt_since(&self, forks: usize) {
        let mut state = self.state.lock();
        self.forks.store(forks, Ordering::Relaxed);
        let Some(lanes) = state.lanes.clone() else { return };
        let is_there = |cache: &NonNull<Cache>| {
            // SAFETY: in the list, so its thread has not dropped it.
            let cache = unsafe { cache.as_ref() };
            cache.forks.load(Ordering::Relaxed) == forks
        };
        while let Some(index) = state.caches.iter().position(|cache| !is_there(cache)) {
            let cache = state.caches.swap_remove(index);
            // SAFETY: its thread is not in this process, so it is nobody's but ours; it was
            // allocated as a box is.
            let cache = unsafe { Box::from_raw(cache.as_ptr()) };
            // SAFETY: as above.
            unsafe { state.empty(&*lanes, &cache) };
        }
    }
}

impl State {
    /// Takes back what is in a cache.
    ///
    /// # Safety
    ///
    /// Nobody else uses the cache now.
    unsafe fn empty(&mut self, lanes: &dyn Lanes, cache: &Cache) {
        for (lane, magazine) in cache.magazines.iter().enumerate() {
            self.popped = self.popped.wrapping_add(magazine.popped());
            if magazine.len() > 0 {
                // SAFETY: passed on from the caller; its blocks are of the lane.
                self.misuses += unsafe { lanes.put(lane, magazine.blocks()) };
                // SAFETY: passed on from the caller.
                unsafe { magazine.forget(magazine.len()) };
            }
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Front({})", self.key)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({})", self.key)
    }
}
