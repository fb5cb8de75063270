//! What of an update fails only when it is flushed, and by somebody else.

use std::alloc::Layout;
use std::num::NonZeroU32;
use std::ops::Range;
use std::slice::from_ref;

use anymem_core::memory::{ArrayMemory, Memory, MemoryError, MemoryId, SimAddress, SimMemory};
use anymem_core::region::{
    Access, DefaultRegion, Geometry, Options, PageArray, RegionError, RegionId, Settings, update,
};

const PAGE: usize = 64;
const PAGES: usize = 10;

type Host<'a> = &'a ArrayMemory<'a>;

/// A device that another thread flushes, too, whenever anybody does: a little earlier.
struct Overtaken<'a>(SimMemory<Host<'a>>);

// SAFETY: each method is that of the device.
unsafe impl Memory for Overtaken<'_> {
    type Address = SimAddress;

    fn id(&self) -> MemoryId {
        self.0.id()
    }

    fn allocate(&self, layout: Layout) -> Result<SimAddress, MemoryError> {
        self.0.allocate(layout)
    }

    unsafe fn free(&self, address: SimAddress, layout: Layout) {
        // SAFETY: passed on from the caller.
        unsafe { self.0.free(address, layout) };
    }

    unsafe fn post_copy_to(
        &self,
        to: SimAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.0.post_copy_to(to, from, len) }
    }

    unsafe fn copy_to(
        &self,
        to: SimAddress,
        from: *const u8,
        len: usize,
    ) -> Result<(), MemoryError> {
        // SAFETY: passed on from the caller.
        unsafe { self.0.copy_to(to, from, len) }
    }

    fn flush(&self) -> Result<(), MemoryError> {
        let _told_to_the_other = self.0.flush();
        self.0.flush()
    }

    fn failures(&self) -> u32 {
        self.0.failures()
    }
}

fn settings(id: u32) -> Settings {
    let id = RegionId::new(NonZeroU32::new(id).unwrap());
    Settings::new(id, Geometry::new(PAGES * PAGE, PAGE).unwrap())
}

fn pages_of(range: Range<usize>) -> u64 {
    range.fold(0, |all, page| all | 1 << page)
}

#[test]
fn what_another_thread_was_told_of_is_not_taken_for_copied() {
    let (mut array, mut device) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let (host, device) = (ArrayMemory::new(&mut array), ArrayMemory::new(&mut device));
    let from = DefaultRegion::new(settings(1), &host, &host).unwrap();
    let sim = Overtaken(SimMemory::new(&device, 1 << 15, 1).unwrap());
    let to = DefaultRegion::new(settings(2), &sim, &host).unwrap();
    let _pages = [from.anchor(&Access::All).unwrap()];
    let _copies = to.anchor(&Access::All).unwrap();
    from.write(&Access::All).unwrap().set(3, 7_u64).unwrap();

    sim.0.fail_at(1);
    let part = 0..4 * PAGE;
    let mut pages = to.select(&Access::Ranges(from_ref(&part))).unwrap();
    let failed = update(&to, &from, &mut pages, Options::new());
    assert_eq!(failed, Err(RegionError::Memory(MemoryError::FlushFailed)));
    assert_eq!(to.valid(0) & pages_of(0..4), 0, "half of a copy is taken for a page");

    let mut pages = to.select(&Access::All).unwrap();
    let copied = update(&to, &from, &mut pages, Options::new()).unwrap();
    assert_eq!((copied.pages, to.valid(0)), (PAGES, pages_of(0..PAGES)));
}
