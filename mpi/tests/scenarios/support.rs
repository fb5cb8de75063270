//! What scenarios have in common.

use std::num::NonZeroU32;
use std::sync::Arc;

use anymem_core::region::{
    Access, Anchor, Blocks, DefaultRegion, Geometry, Outcome, Pages, Region, RegionId, Settings,
};
use anymem_mpi::{AnyTransport, ArenaMemory, Exported, Handle, Job, MpiRegion};

/// Bytes of a page in all scenarios.
pub(super) const PAGE: usize = 256;

/// A region of this rank.
pub(super) type Local = DefaultRegion<ArenaMemory, ArenaMemory>;

/// Numbers that are the same on all ranks (xorshift64*).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % bound
    }
}

/// The byte that belongs to a place and a time.
pub(super) fn byte(at: usize, time: usize) -> u8 {
    (at.wrapping_mul(31).wrapping_add(time.wrapping_mul(101)) >> 2) as u8
}

/// What all ranks say, in their order.
pub(super) fn gather(transport: &AnyTransport, mine: &[u8]) -> Vec<u8> {
    let mut all = vec![0; mine.len() * transport.ranks() as usize];
    transport.all_gather(mine, &mut all).unwrap();
    all
}

/// The next rank, and the one before.
pub(super) fn neighbours(transport: &AnyTransport) -> (u32, u32) {
    let (rank, ranks) = (transport.rank(), transport.ranks());
    ((rank + 1) % ranks, (rank + ranks - 1) % ranks)
}

/// Copies bytes of an arena to here.
pub(super) fn get(transport: &AnyTransport, rank: u32, from: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xEE; len];
    // SAFETY: the bytes are here until the flush.
    unsafe { transport.get(bytes.as_mut_ptr(), rank, from, len).unwrap() };
    transport.flush(rank).unwrap();
    bytes
}

/// Copies bytes from here to an arena.
pub(super) fn put(transport: &AnyTransport, rank: u32, to: u64, bytes: &[u8]) {
    // SAFETY: the bytes are here until the flush, and scenarios keep arenas' users apart.
    unsafe { transport.put(rank, to, bytes.as_ptr(), bytes.len()).unwrap() };
    transport.flush(rank).unwrap();
}

/// A region of so many pages, none of which is there, and the last of which is short.
pub(super) fn region(job: &Arc<Job>, pages: usize) -> Arc<Local> {
    let geometry = Geometry::new(pages * PAGE - 100, PAGE).unwrap();
    let memory = || ArenaMemory::new(job);
    let settings = Settings {
        id: job.region_id().unwrap(),
        geometry,
        blocks: Blocks::PerPage,
        pause: std::thread::yield_now,
    };
    Arc::new(DefaultRegion::new(settings, memory(), memory()).unwrap())
}

/// Keeps pages of a region.
pub(super) fn anchor(region: &Arc<Local>, access: &Access<'_>) -> Anchor<Arc<Local>, ArenaMemory> {
    let pages = access.pages(region.geometry(), region.memory().clone()).unwrap();
    Anchor::new(Arc::clone(region), pages).unwrap()
}

/// A set of pages.
pub(super) fn pages(pages: impl IntoIterator<Item = usize>) -> Vec<u64> {
    let mut words = vec![0; 8];
    for page in pages {
        words[page / 64] |= 1 << (page % 64);
    }
    words
}

/// Where each page of a run is, and its bytes, for a pinned region.
fn each_page(region: &dyn Region, set: &Pages, mut visit: impl FnMut(usize, &mut [u8])) {
    for run in set.runs() {
        for page in run.first..run.first + run.len {
            let run = anymem_core::region::Run { first: page, len: 1 };
            let place = region.place(run).unwrap();
            let start = place.memory.host(place.address).unwrap().as_ptr();
            // SAFETY: the page is pinned, and its bytes are initialised where that matters.
            visit(page, unsafe { std::slice::from_raw_parts_mut(start, place.len) });
        }
    }
}

/// Writes what belongs to pages at a time.
pub(super) fn write(region: &dyn Region, set: &[u64], time: usize) {
    let set = Pages::new(set);
    region.begin_write(set).unwrap();
    each_page(region, set, |page, bytes| {
        for (at, to) in bytes.iter_mut().enumerate() {
            *to = byte(page * PAGE + at, time);
        }
    });
    // SAFETY: pinned above, and nothing of them is used any more.
    unsafe { region.end_write(set, Outcome::Written) };
}

/// Whether pages hold what belongs to them at a time, each in all of its bytes.
pub(super) fn holds(region: &dyn Region, set: &[u64], time: usize) -> bool {
    let set = Pages::new(set);
    region.begin_read(set).unwrap();
    let mut holds = true;
    each_page(region, set, |page, bytes| {
        let is = |(at, &found): (usize, &u8)| found == byte(page * PAGE + at, time);
        holds &= bytes.iter().enumerate().all(is);
    });
    // SAFETY: pinned above, and nothing of them is used any more.
    unsafe { region.end_read(set) };
    holds
}

/// Shows a region to all ranks, and opens those of the others.
pub(super) fn share(job: &Arc<Job>, region: &Arc<Local>) -> (Exported<Local>, Vec<MpiRegion>) {
    let exported = Exported::new(job, Arc::clone(region)).unwrap();
    let all = gather(job.transport(), &exported.handle().to_bytes());
    let handles = all.chunks_exact(Handle::BYTES).map(|sent| Handle::from_bytes(sent).unwrap());
    // SAFETY: scenarios keep exported regions until all ranks are done, and use barriers.
    let open = |handle| unsafe { MpiRegion::open(job, handle) }.unwrap();
    (exported, handles.map(open).collect())
}

/// A region's id, of a number.
pub(super) fn region_id(number: u32) -> RegionId {
    RegionId::new(NonZeroU32::new(number).unwrap())
}
