//! Memory that is given back once nobody else has it open.

use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::base::Base;
use super::bases;

/// Bytes of a base that are offered no more.
pub(super) struct Part {
    base: Arc<Base>,
    offset: u64,
    len: u64,
}

impl Part {
    /// Ends the offers of a base's bytes among those.
    pub(super) fn withdrawn(base: Arc<Base>, at: u64, len: usize) -> Self {
        let (start, end) = (at.max(base.start), at.saturating_add(len as u64).min(base.end()));
        let (offset, len) = (start - base.start, end - start);
        // It fails only where nothing could have been offered.
        let _ = base.stand_in.withdraw(offset, len);
        let part = Self { base, offset, len };
        if part.is_block() {
            part.base.stand_in.ask_to_close();
        }
        part
    }

    /// Whether nobody has it open. When in doubt somebody has.
    pub(super) fn is_over(&self) -> bool {
        let stand_in = &self.base.stand_in;
        if self.is_block() {
            return !stand_in.is_open();
        }
        stand_in.is_used(self.offset, self.len) == Ok(false)
    }

    /// Whether it is all of a block of the driver's, which goes as one.
    fn is_block(&self) -> bool {
        !self.base.keeps_itself && self.len == self.base.len as u64
    }
}

/// Memory that others have open, and that cannot be given back yet.
#[must_use]
pub(crate) struct InUse(Vec<Part>);

impl InUse {
    pub(super) fn new(parts: Vec<Part>) -> Self {
        Self(parts)
    }

    /// Has `free` called when nobody has it open any more. It must not wait, nor panic.
    pub(crate) fn then(self, free: impl FnOnce() + Send + 'static) {
        let mut waiting = lock();
        bases::COUNT.fetch_add(1, Ordering::Relaxed);
        waiting.push(Waiting { parts: self.0, free: Box::new(free) });
    }
}

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InUse({} parts)", self.0.len())
    }
}

struct Waiting {
    parts: Vec<Part>,
    free: Box<dyn FnOnce() + Send>,
}

static WAITING: Mutex<Vec<Waiting>> = Mutex::new(Vec::new());

fn lock() -> MutexGuard<'static, Vec<Waiting>> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives back what nobody has open any more; how many blocks.
pub(super) fn settle() -> usize {
    if bases::are_none() || bases::check().is_err() {
        return 0;
    }
    let is_over = |it: &mut Waiting| it.parts.iter().all(Part::is_over);
    let over: Vec<_> = lock().extract_if(.., is_over).collect();
    bases::COUNT.fetch_sub(over.len(), Ordering::Relaxed);
    let count = over.len();
    // Without the lock: it may give back more.
    over.into_iter().for_each(|it| (it.free)());
    count
}

/// How many blocks wait.
pub(super) fn count() -> usize {
    if bases::are_none() || bases::check().is_err() { 0 } else { lock().len() }
}
