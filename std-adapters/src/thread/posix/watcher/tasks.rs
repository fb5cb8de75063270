//! The tasks that wait, and the words that they wait for.

use core::task::Waker;
use core::time::Duration;
use std::collections::BTreeMap;

use super::Spot;

/// Who waits for what.
pub(super) struct Tasks {
    /// Whether there is a thread that looks after them.
    pub(super) is_attended: bool,
    /// What each task watches, also those whose wakers were called.
    watched: BTreeMap<u64, Spot>,
    /// The tasks whose wakers are to be called, by what they watch.
    waiting: BTreeMap<(Spot, u64), Waiting>,
    /// How many tasks there ever were.
    added: u64,
    /// What the thread sleeps on, in order, and until when.
    asleep: (Vec<Spot>, Option<Duration>),
}

/// A task that waits.
struct Waiting {
    until: Duration,
    waker: Waker,
}

/// A task that was ended.
pub(super) struct Ended {
    pub(super) spot: Spot,
    /// `None` if it was called. To be dropped without the lock, for that is foreign
    /// code.
    pub(super) waker: Option<Waker>,
}

impl Tasks {
    pub(super) const fn new() -> Self {
        Self {
            is_attended: false,
            watched: BTreeMap::new(),
            waiting: BTreeMap::new(),
            added: 0,
            asleep: (Vec::new(), None),
        }
    }

    /// Forgets all of them, in a forked child: their wakers are the parent's, and are
    /// not to be dropped here.
    pub(super) fn forget(&mut self) {
        let next = Self { added: self.added, ..Self::new() };
        core::mem::forget(core::mem::replace(self, next));
    }

    /// Adds a task; its number, and whether the thread sleeps on its word already.
    pub(super) fn add(&mut self, spot: Spot, until: Duration, waker: Waker) -> (u64, bool) {
        self.added += 1;
        self.watched.insert(self.added, spot);
        self.waiting.insert((spot, self.added), Waiting { until, waker });
        let (spots, end) = &self.asleep;
        let is_in_time = end.is_some_and(|end| end <= until);
        (self.added, is_in_time && spots.binary_search(&spot).is_ok())
    }

    /// Ends a task.
    pub(super) fn remove(&mut self, number: u64) -> Option<Ended> {
        let spot = self.watched.remove(&number)?;
        let waiting = self.waiting.remove(&(spot, number));
        Some(Ended { spot, waker: waiting.map(|waiting| waiting.waker) })
    }

    /// Moves the wakers to `due` whose time has come.
    pub(super) fn take_late(&mut self, now: Duration, due: &mut Vec<Waker>) {
        let is_late = |waiting: &Waiting| waiting.until <= now;
        let late = self.waiting.iter().filter(|(_, waiting)| is_late(waiting));
        let late: Vec<_> = late.map(|(key, _)| *key).collect();
        due.extend(late.iter().filter_map(|key| self.waiting.remove(key)).map(|late| late.waker));
    }

    /// Moves the wakers to `due` of those who wait at `spot`; whether there were any.
    pub(super) fn take_at(&mut self, spot: Spot, due: &mut Vec<Waker>) -> bool {
        let before = due.len();
        while let Some(key) = self.first_at(spot) {
            due.extend(self.waiting.remove(&key).map(|waiting| waiting.waker));
        }
        due.len() > before
    }

    /// Whether anybody waits at `spot`.
    pub(super) fn is_awaited(&self, spot: Spot) -> bool {
        self.first_at(spot).is_some()
    }

    fn first_at(&self, spot: Spot) -> Option<(Spot, u64)> {
        self.waiting.range((spot, 0)..=(spot, u64::MAX)).next().map(|(key, _)| *key)
    }

    /// What the thread is to sleep on, each once and in order, and until when.
    pub(super) fn begin_nap(&mut self) -> (Vec<Spot>, Option<Duration>) {
        let mut spots: Vec<_> = self.waiting.keys().map(|(spot, _)| *spot).collect();
        spots.dedup();
        let until = self.waiting.values().map(|waiting| waiting.until).min();
        self.asleep = (spots.clone(), until);
        (spots, until)
    }

    /// The thread is awake: what is added from now on, it finds by itself.
    pub(super) fn end_nap(&mut self) {
        self.asleep.0.clear();
    }
}
