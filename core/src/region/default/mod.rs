//! The region that owns its pages.

mod check;
mod parts;
mod traits;

use core::fmt;

use super::table::Table;
use super::{
    Access, Anchor, Blocks, Geometry, PageSet, Pages, Reading, RegionError, RegionId, ResourceLock,
    Untracked, WriteTracker, Writing,
};
use crate::memory::{HostAddressable, Memory};
use crate::sync::Taken;
use crate::sync::atomic::AtomicU32;

/// What a [`DefaultRegion`] is to be like.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Which region it is.
    pub id: RegionId,
    /// Its bytes and pages.
    pub geometry: Geometry,
    /// How pages are put into blocks of memory.
    pub blocks: Blocks,
    /// What a thread does between two looks at a page that another one is using: where there
    /// is an operating system, `std::thread::yield_now`.
    pub pause: fn(),
}

impl Settings {
    /// All pages in one block; who waits spins.
    #[must_use]
    pub const fn new(id: RegionId, geometry: Geometry) -> Self {
        Self { id, geometry, blocks: Blocks::One, pause: core::hint::spin_loop }
    }
}

/// A region that owns its pages: in any memory `M`, with what it knows of them in a memory
/// `H` that the processor can use.
///
/// There is memory for a page as long as it is [anchored](Self::anchor),
/// [locked](Self::lock) or pinned. `W` finds out what is written through accessors.
///
/// It takes up to 21 bytes of `H` for a page, where each page is a block of its own, and 13
/// where all are one.
///
/// ```
/// use std::num::NonZeroU32;
///
/// use anymem_core::memory::{ArrayMemory, SimMemory};
/// use anymem_core::region::{
///     Access, DefaultRegion, Geometry, Options, RegionError, RegionId, Settings, update,
/// };
///
/// let mut array = [0; 64 << 10];
/// let host = ArrayMemory::new(&mut array);
/// let device = SimMemory::new(&host, 16 << 10, 0)?;
/// let geometry = Geometry::new(10_000, 1024).expect("a power of two");
/// let settings = |id| Settings::new(RegionId::new(id), geometry);
/// let here = DefaultRegion::new(settings(NonZeroU32::MIN), &host, &host)?;
/// let there = DefaultRegion::new(settings(NonZeroU32::MAX), &device, &host)?;
///
/// // Pages are there as long as they are anchored.
/// let _all = here.anchor(&Access::All)?;
/// here.write(&Access::All)?.write(0, &[1_u32; 2500])?;
///
/// // Only those that the destination has are copied,
/// let _some = there.anchor(&Access::range(0..3000))?;
/// let mut pages = there.select(&Access::All)?;
/// assert_eq!(update(&there, &here, &mut pages, Options::new())?.pages, 3);
///
/// // and only what is stale.
/// here.write(&Access::Ranges(&[0..4, 5000..5004]))?.set(0, 7_u32)?;
/// let mut pages = there.select(&Access::All)?;
/// let copied = update(&there, &here, &mut pages, Options::new())?;
/// assert_eq!((copied.pages, copied.skipped), (1, 2));
/// assert_eq!(there.read(&Access::range(0..4))?.get::<u32>(0), Ok(7));
/// # Ok::<(), RegionError>(())
/// ```
pub struct DefaultRegion<M: Memory, H: HostAddressable, W: WriteTracker = Untracked> {
    settings: Settings,
    shift: u32,
    memory: M,
    table: Table<M::Address, H>,
    tracker: W,
    /// Protects the counts of chunks.
    chunks: AtomicU32,
    /// The number of the stamp that was given last.
    clock: AtomicU32,
}

impl<M: Memory, H: HostAddressable> DefaultRegion<M, H> {
    /// A region without any page; what is known of pages is in `tables`.
    ///
    /// # Errors
    ///
    /// What `tables` says.
    pub fn new(settings: Settings, memory: M, tables: H) -> Result<Self, RegionError> {
        Self::tracked(settings, memory, tables, Untracked)
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> DefaultRegion<M, H, W> {
    /// The same, with something that finds out what is written.
    ///
    /// # Errors
    ///
    /// What `tables` says.
    pub fn tracked(
        settings: Settings,
        memory: M,
        tables: H,
        tracker: W,
    ) -> Result<Self, RegionError> {
        let pages = settings.geometry.pages();
        let shift = settings.blocks.shift(pages);
        let table = Table::new(pages, pages.div_ceil(1 << shift), tables)?;
        let (chunks, clock) = (AtomicU32::new(0), AtomicU32::new(0));
        Ok(Self { settings, shift, memory, table, tracker, chunks, clock })
    }

    /// What it is like.
    #[inline]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The memory that its pages are in.
    pub const fn memory(&self) -> &M {
        &self.memory
    }

    /// The memory that holds what it knows of them.
    pub fn tables(&self) -> &H {
        self.table.memory()
    }

    /// What finds out which pages are written.
    pub const fn tracker(&self) -> &W {
        &self.tracker
    }

    /// The pages that `access` means, as a set in the memory of its tables.
    ///
    /// # Errors
    ///
    /// As [`Access::pages`].
    pub fn select(&self, access: &Access<'_>) -> Result<PageSet<&H>, RegionError> {
        access.pages(self.settings.geometry, self.tables())
    }

    /// Keeps pages for as long as the anchor is there, with memory for those that have none
    /// yet.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access), if `access` means bytes that are not there.
    /// - [`Memory`](RegionError::Memory), if there is none for them; nothing has changed then.
    pub fn anchor(&self, access: &Access<'_>) -> Result<Anchor<&Self, &H>, RegionError> {
        Anchor::new(self, self.select(access)?)
    }

    /// Keeps pages that have memory now, even when nobody refers to them any more.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access), if `access` means bytes that are not there.
    /// - [`Unallocated`](RegionError::Unallocated), if pages have no memory.
    pub fn lock(&self, access: &Access<'_>) -> Result<ResourceLock<&Self, &H>, RegionError> {
        ResourceLock::new(self, self.select(access)?)
    }

    /// Pins pages for reading, and lends what they hold. It waits for who writes them.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access), if `access` means bytes that are not there.
    /// - [`Unallocated`](RegionError::Unallocated) and [`Invalid`](RegionError::Invalid), if
    ///   pages have no memory, or hold nothing.
    pub fn read(&self, access: &Access<'_>) -> Result<Reading<'_, M, H, W>, RegionError> {
        Reading::begin(self, self.select(access)?, Taken::Wait)
    }

    /// As [`read`](Self::read), but it waits for nobody.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and [`Busy`](RegionError::Busy) if somebody writes a page.
    pub fn try_read(&self, access: &Access<'_>) -> Result<Reading<'_, M, H, W>, RegionError> {
        Reading::begin(self, self.select(access)?, Taken::Refuse)
    }

    /// Pins pages for writing, and lends them. It waits for who reads or writes them.
    ///
    /// Pages that hold nothing yet are zeroed.
    ///
    /// # Errors
    ///
    /// - [`Access`](RegionError::Access), if `access` means bytes that are not there.
    /// - [`Unallocated`](RegionError::Unallocated), if pages have no memory.
    /// - What the memory or the tracker says.
    pub fn write(&self, access: &Access<'_>) -> Result<Writing<'_, M, H, W>, RegionError> {
        Writing::begin(self, self.select(access)?, Taken::Wait)
    }

    /// As [`write`](Self::write), but it waits for nobody.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), and [`Busy`](RegionError::Busy) if somebody uses a page.
    pub fn try_write(&self, access: &Access<'_>) -> Result<Writing<'_, M, H, W>, RegionError> {
        Writing::begin(self, self.select(access)?, Taken::Refuse)
    }

    /// Leaves in `pages` those that were written here since they were last copied here or
    /// taken so, and takes them for clean from now on. It waits for who uses those.
    pub fn take_dirty(&self, pages: &mut Pages) {
        for (group, bits) in pages.words_mut().iter_mut().enumerate() {
            *bits = self.part(group, *bits).map_or(0, |part| self.take_dirty_part(part));
        }
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> Drop for DefaultRegion<M, H, W> {
    fn drop(&mut self) {
        // Those are left whose anchors were forgotten.
        for (index, group) in self.table.groups().iter().enumerate() {
            let left = group.allocated.load();
            self.tracker.forget(index, left);
            self.frames().withdraw(index, left);
        }
    }
}

impl<M: Memory, H: HostAddressable, W: WriteTracker> fmt::Debug for DefaultRegion<M, H, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DefaultRegion").field("settings", &self.settings).finish_non_exhaustive()
    }
}
