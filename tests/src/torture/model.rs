//! What a shelf holds, kept outside of the heap: before a step and after it.
//!
//! There are two contents, of which one counts. A process writes down the other
//! one, as it will be, says that a step begins, makes the step, and lets the other
//! one count. Whoever finds a step begun by a dead process knows both.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering, compiler_fence};

/// Most elements of a shelf's list.
pub(super) const ELEMENTS: usize = 24;

/// Keys of a shelf's map.
pub(super) const KEYS: usize = 24;

/// What a shelf holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contents {
    /// Bytes of the text.
    pub(super) text: usize,
    /// What the box holds.
    pub(super) stamp: u64,
    /// How many elements the list has.
    pub(super) len: usize,
    /// Which.
    pub(super) list: [u32; ELEMENTS],
    /// The map's values; 0 where there is none.
    pub(super) map: [u32; KEYS],
}

impl Contents {
    /// What a shelf holds when it is made.
    pub(super) const NEW: Self =
        Self { text: 0, stamp: 0, len: 0, list: [0; ELEMENTS], map: [0; KEYS] };

    /// The elements.
    pub(super) fn elements(&self) -> &[u32] {
        &self.list[..self.len]
    }
}

const CURRENT: usize = 1;
const BEGUN: usize = 2;

/// Both contents, and which one counts.
#[derive(Debug)]
pub(super) struct Model {
    contents: [UnsafeCell<Contents>; 2],
    /// The number of the one that counts, and the step that is under way.
    state: AtomicUsize,
}

// SAFETY: only the process of a lane writes to its model, and when that is dead who
// adopts it; nobody reads it meanwhile.
unsafe impl Sync for Model {}

impl Model {
    /// What counts.
    pub(super) fn contents(&self) -> Contents {
        self.read(self.state.load(Ordering::Relaxed) & CURRENT)
    }

    fn read(&self, index: usize) -> Contents {
        // SAFETY: nobody writes at the same time, see `Sync`.
        unsafe { self.contents[index].get().read_volatile() }
    }

    /// Makes a step that leads to `after`, if it succeeds.
    pub(super) fn step<E>(
        &self,
        after: &Contents,
        make: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let now = self.state.load(Ordering::Relaxed) & CURRENT;
        // SAFETY: as for `read`; it does not count yet.
        unsafe { self.contents[now ^ 1].get().write_volatile(*after) };
        // Only the compiler could change the order in which a death leaves these.
        compiler_fence(Ordering::SeqCst);
        self.state.store(now | BEGUN, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let made = make();
        compiler_fence(Ordering::SeqCst);
        self.state.store(if made.is_ok() { now ^ 1 } else { now }, Ordering::Relaxed);
        made
    }

    /// What a step that was begun and not ended leads to.
    pub(super) fn begun(&self) -> Option<Contents> {
        let state = self.state.load(Ordering::Relaxed);
        (state & BEGUN != 0).then(|| self.read(state & CURRENT ^ 1))
    }

    /// Lets `contents` count.
    pub(super) fn set(&self, contents: &Contents) {
        // SAFETY: as for `read`.
        unsafe { self.contents[0].get().write_volatile(*contents) };
        compiler_fence(Ordering::SeqCst);
        self.state.store(0, Ordering::Relaxed);
    }
}

impl Contents {
    /// The same with other elements.
    pub(super) fn with_list(&self, change: impl FnOnce(&mut Vec<u32>)) -> Self {
        let mut elements = self.elements().to_vec();
        change(&mut elements);
        let mut list = [0; ELEMENTS];
        list[..elements.len()].copy_from_slice(&elements);
        Self { len: elements.len(), list, ..*self }
    }

    /// The same with another value of a key.
    pub(super) fn with_value(&self, key: usize, value: u32) -> Self {
        let mut map = self.map;
        map[key] = value;
        Self { map, ..*self }
    }
}
