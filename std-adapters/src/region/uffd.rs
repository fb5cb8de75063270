//! A write tracker that lets the kernel look.

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use anymem_core::memory::MemoryError;
use anymem_core::region::{Geometry, Pages, Region, RegionError, Run, WriteTracker, places};

use crate::sys::page_size;
use crate::sys::userfault::Userfault;

/// Finds out by the memory's own page tables which pages were written, whoever wrote them in
/// whatever way: through a slice, in a system call, in a library.
///
/// The first write to a page costs half a microsecond more, in the kernel; there is no signal
/// and no thread. It needs Linux 6.7, memory that the processor can use, and regions whose
/// pages are multiples of the system's. What it cannot tell of counts as written.
///
/// ```
/// use anymem::region::{Geometry, UffdTracker};
/// let geometry = Geometry::new(1 << 20, 4096).expect("a power of two");
/// match UffdTracker::new(geometry) {
///     Ok(tracker) => println!("{tracker:?} is for a region of that geometry"),
///     Err(error) => println!("skipped: {error}"),
/// }
/// ```
#[derive(Debug)]
pub struct UffdTracker {
    kernel: Userfault,
    groups: Box<[Answers]>,
}

/// A bit for each page of a group. Each is used by whoever has the page pinned.
#[derive(Debug, Default)]
struct Answers {
    /// Whether the kernel was asked to take note.
    asked: AtomicU64,
    /// Whether it said that the page was written.
    written: AtomicU64,
}

impl UffdTracker {
    /// A tracker for one region of that geometry.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](RegionError::Unsupported) where the kernel does not know how, and
    /// [`MemoryError::Backend`] with what the system refuses.
    pub fn new(geometry: Geometry) -> Result<Self, RegionError> {
        let kernel = Userfault::new().map_err(|code| match code {
            libc::EINVAL | libc::ENOSYS => RegionError::Unsupported,
            code => MemoryError::Backend { code }.into(),
        })?;
        let groups = geometry.pages().div_ceil(64);
        Ok(Self { kernel, groups: (0..groups).map(|_| Answers::default()).collect() })
    }

    /// Has the kernel take note of writes to the pages of a run, if it can.
    fn ask(&self, pages: Run, range: &Range<usize>, is_watched: bool) {
        let watched = is_watched || self.kernel.register(range).is_ok();
        if watched && self.kernel.protect(range).is_ok() {
            self.set(pages, |it| &it.asked, true);
        }
    }

    /// Watches at once from the first of the pages to the last, if they are in one block.
    fn watch_all(&self, region: &dyn Region, pages: &Pages) -> bool {
        let page_size = region.geometry().page_size();
        let mut all = pages.runs().flat_map(|run| ranges(region, run));
        let Some((first, start)) = all.next() else { return true };
        let base = start.start.wrapping_sub(first.first * page_size);
        let end = all.try_fold(start.end, |_, (pages, range)| {
            (range.start == base.wrapping_add(pages.first * page_size)).then_some(range.end)
        });
        end.is_some_and(|end| self.kernel.register(&(start.start..end)).is_ok())
    }

    /// Asks the kernel which pages of a run were written.
    fn look(&self, pages: Run, range: &Range<usize>, page_size: usize) -> Result<(), i32> {
        self.kernel.written(range, |part| {
            let first = (part.start - range.start) / page_size;
            let end = (part.end - range.start).div_ceil(page_size).min(pages.len);
            let written = Run { first: pages.first + first, len: end - first };
            self.set(written, |it| &it.written, true);
        })
    }

    /// Sets or clears a bit of each page of a run.
    fn set(&self, pages: Run, which: impl Fn(&Answers) -> &AtomicU64, to: bool) {
        let end = pages.first + pages.len;
        for group in pages.first / 64..end.div_ceil(64) {
            let from = pages.first.saturating_sub(group * 64);
            let count = (end - group * 64).min(64) - from;
            let bits = !0 >> (64 - count) << from;
            let Some(word) = self.groups.get(group).map(&which) else { return };
            // Relaxed, both: the pages are the caller's, who has them pinned.
            if to {
                word.fetch_or(bits, Ordering::Relaxed);
            } else {
                word.fetch_and(!bits, Ordering::Relaxed);
            }
        }
    }
}

/// Where the processor finds the pages of a run, as whole pages of the system; nothing of
/// those that are not such.
fn ranges(region: &dyn Region, run: Run) -> impl Iterator<Item = (Run, Range<usize>)> {
    places(region, run).filter_map(|found| {
        let (pages, place) = found.ok()?;
        let start = place.memory.host(place.address)?.addr().get();
        let is_whole = [start, place.len].iter().all(|it| it.is_multiple_of(page_size()));
        is_whole.then_some((pages, start..start + place.len))
    })
}

impl WriteTracker for UffdTracker {
    fn begin(&self, region: &dyn Region, pages: &Pages) -> Result<(), RegionError> {
        let is_watched = self.watch_all(region, pages);
        for run in pages.runs() {
            self.set(run, |it| &it.asked, false);
            self.set(run, |it| &it.written, false);
            for (pages, range) in ranges(region, run) {
                self.ask(pages, &range, is_watched);
            }
        }
        Ok(())
    }

    fn end(&self, region: &dyn Region, pages: &Pages) {
        let page_size = region.geometry().page_size();
        for (pages, range) in pages.runs().flat_map(|run| ranges(region, run)) {
            if self.look(pages, &range, page_size).is_err() {
                self.set(pages, |it| &it.asked, false);
            }
        }
    }

    fn written(&self, group: usize, pages: u64) -> u64 {
        let Some(answers) = self.groups.get(group) else { return pages };
        // Relaxed, both: the pages are the caller's, who has them pinned.
        let asked = answers.asked.load(Ordering::Relaxed);
        pages & (answers.written.load(Ordering::Relaxed) | !asked)
    }
}
