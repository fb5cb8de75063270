//! Which pages of another rank's region are in use here.

use std::sync::atomic::AtomicU32;

use anymem_core::region::Pages;
use anymem_core::sync::{Missing, PageGroup, SpinLock, Taken};

/// Pins for pages, all of which are there: who wants one waits for it, and gets it.
#[derive(Debug)]
pub(super) struct Pins {
    locks: Vec<AtomicU32>,
    words: Vec<AtomicU32>,
}

impl Pins {
    pub(super) fn new(pages: usize) -> Self {
        let zeros = |len| (0..len).map(|_| AtomicU32::new(0)).collect();
        let pins = Self { locks: zeros(pages.div_ceil(64)), words: zeros(pages) };
        for group in 0..pins.locks.len() {
            let pages = pins.group(group);
            // They are kept for good: nobody provides memory here, or takes it away.
            if let Ok(missing) = pages.keep(!0, Missing::Allocate) {
                pages.ready(missing);
            }
        }
        pins
    }

    fn group(&self, group: usize) -> PageGroup<'_> {
        let words = &self.words[group * 64..self.words.len().min(group * 64 + 64)];
        PageGroup::new(SpinLock::new(&self.locks[group], std::thread::yield_now), words)
    }

    fn each(&self, pages: &Pages, step: impl Fn(PageGroup<'_>, u64)) {
        let groups = pages.groups().filter(|&(group, _)| group < self.locks.len());
        groups.for_each(|(group, bits)| step(self.group(group), bits));
    }

    pub(super) fn begin_read(&self, pages: &Pages) {
        self.each(pages, |group, bits| {
            let _never_fails = group.begin_read(bits, Taken::Wait);
        });
    }

    pub(super) fn end_read(&self, pages: &Pages) {
        self.each(pages, |group, bits| {
            let _none = group.end_read(bits);
        });
    }

    pub(super) fn begin_write(&self, pages: &Pages) {
        self.each(pages, |group, bits| {
            let _never_fails = group.begin_write(bits, Taken::Wait);
        });
    }

    pub(super) fn end_write(&self, pages: &Pages) {
        self.each(pages, |group, bits| {
            let _none = group.end_write(bits);
        });
    }
}
