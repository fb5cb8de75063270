//! What is read and written through accessors, against plain bytes: in memories that the
//! processor can use and in such that it cannot, with each tracker of writes.

use std::num::NonZeroU32;

use anymem_core::memory::{ArrayMemory, Memory, MemoryError, SimMemory};
use anymem_core::region::{
    Access, BitTracker, Blocks, DefaultRegion, Geometry, Missing, Options, Page as _, PageArray,
    Region, RegionError, RegionId, Settings, TwinTracker, WriteTracker, merge, update,
};
use proptest::prelude::*;

const PAGE: usize = 64;
const BYTES: usize = 70 * PAGE + 13;

/// Straddles pages, and is not aligned in most places.
type Element = [u8; 24];

fn settings(id: u32, blocks: Blocks) -> Settings {
    let id = RegionId::new(NonZeroU32::new(id).unwrap());
    Settings { blocks, ..Settings::new(id, Geometry::new(BYTES, PAGE).unwrap()) }
}

type Host<'a> = &'a ArrayMemory<'a>;

#[derive(Clone, Debug)]
enum Op {
    Set { index: usize, byte: u8 },
    Update { index: usize },
    Write { index: usize, len: usize, byte: u8 },
    Slice { index: usize, len: usize, byte: u8 },
}

fn op() -> impl Strategy<Value = Op> {
    let index = prop_oneof![20 => 0..BYTES / 24, 1 => BYTES / 24..BYTES, 1 => Just(usize::MAX)];
    let len = prop_oneof![20 => 0_usize..9, 1 => Just(usize::MAX / 24)];
    prop_oneof![
        (index.clone(), any::<u8>()).prop_map(|(index, byte)| Op::Set { index, byte }),
        index.clone().prop_map(|index| Op::Update { index }),
        (index.clone(), 0_usize..9, any::<u8>()).prop_map(|(index, len, byte)| Op::Write {
            index,
            len,
            byte
        }),
        (index, len, any::<u8>()).prop_map(|(index, len, byte)| Op::Slice { index, len, byte }),
    ]
}

/// The bytes of elements, if they are all pinned.
fn pinned(index: usize, len: usize, is_pinned: &[bool]) -> Option<std::ops::Range<usize>> {
    let start = index.checked_mul(24)?;
    let end = start.checked_add(len.checked_mul(24)?)?;
    let range = start..end;
    (end <= BYTES && range.clone().all(|byte| is_pinned[byte / PAGE])).then_some(range)
}

/// The pages that are pinned, by ranges of bytes, and what is done with them.
type Round = (Vec<(usize, usize)>, Vec<Op>);

/// Writes in a few rounds, each with its own pages, and compares everything with plain bytes.
fn writes<M: Memory, W: WriteTracker>(
    region: &DefaultRegion<M, Host<'_>, W>,
    rounds: &[Round],
    precise: bool,
) -> Result<(), TestCaseError> {
    let _all = region.anchor(&Access::All).unwrap();
    let mut model = vec![0_u8; BYTES];
    let mut was_valid = vec![false; BYTES.div_ceil(PAGE)];
    for (pages, ops) in rounds {
        let ranges: Vec<_> = pages.iter().map(|&(at, len)| at..(at + len).min(BYTES)).collect();
        let mut is_pinned = vec![false; BYTES.div_ceil(PAGE)];
        ranges.iter().flat_map(|r| r.clone()).for_each(|byte| is_pinned[byte / PAGE] = true);
        let before = model.clone();
        let stamps: Vec<_> = (0..is_pinned.len()).map(|page| region.stamp(page)).collect();
        let mut touched = vec![false; is_pinned.len()];
        let mut writing = region.write(&Access::Ranges(&ranges)).unwrap();
        for op in ops {
            let (index, len) = match *op {
                Op::Set { index, .. } | Op::Update { index } => (index, 1),
                Op::Write { index, len, .. } | Op::Slice { index, len, .. } => (index, len),
            };
            let expected = pinned(index, len, &is_pinned);
            let element = |byte: u8| std::array::from_fn::<u8, 24, _>(|at| byte ^ at as u8);
            let (done, byte) = match *op {
                Op::Set { index, byte } => (writing.set(index, element(byte)).is_ok(), byte),
                Op::Update { index } => {
                    let done = writing.update(index, |old: Element| element(old[1]));
                    (done.is_ok(), expected.as_ref().map_or(0, |bytes| model[bytes.start + 1]))
                }
                Op::Write { index, len, byte } => {
                    (writing.write(index, &vec![element(byte); len]).is_ok(), byte)
                }
                Op::Slice { index, len, byte } => {
                    let end = index.saturating_add(len);
                    let slice = writing.as_mut_slice::<Element>(index..end);
                    // Not all are in one piece.
                    let Some(slice) = slice else { continue };
                    slice.fill(element(byte));
                    (true, byte)
                }
            };
            prop_assert_eq!(done, expected.is_some(), "{:?}", op);
            for at in expected.into_iter().flatten() {
                model[at] = byte ^ ((at % 24) as u8);
                touched[at / PAGE] = true;
            }
        }
        for index in 0..BYTES / 24 {
            if let Some(bytes) = pinned(index, 1, &is_pinned) {
                prop_assert_eq!(&writing.get::<Element>(index).unwrap()[..], &model[bytes]);
            }
        }
        drop(writing);
        for page in 0..is_pinned.len() {
            let span = page * PAGE..BYTES.min((page + 1) * PAGE);
            let differs = before[span.clone()] != model[span];
            let is_written = region.stamp(page) != stamps[page];
            prop_assert!(!is_written || is_pinned[page]);
            prop_assert!(is_written || !differs, "page {} has its old stamp", page);
            prop_assert!(!precise || touched[page] || !is_written, "page {} was not written", page);
            was_valid[page] |= is_written;
            prop_assert_eq!(region.page(page).map(|page| page.is_valid()), Some(was_valid[page]));
        }
    }
    let valid: Vec<_> = (0..was_valid.len()).filter(|&page| was_valid[page]).collect();
    let reading = region
        .read(&Access::Indices { element: PAGE, indices: &valid[..valid.len().saturating_sub(1)] })
        .unwrap();
    for &page in valid.iter().rev().skip(1) {
        let span = page * PAGE..(page + 1) * PAGE;
        let mut bytes = [0; PAGE];
        reading.read(span.start, &mut bytes).unwrap();
        prop_assert_eq!(&bytes[..], &model[span.clone()]);
        if let Some(slice) = reading.as_slice::<u8>(span.clone()) {
            prop_assert_eq!(slice, &model[span]);
        }
    }
    Ok(())
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let ranges = prop::collection::vec((0..BYTES, 0..20 * PAGE), 0..4);
    prop::collection::vec((ranges, prop::collection::vec(op(), 0..12)), 1..5)
}

fn with_memory<R>(test: impl FnOnce(Host<'_>) -> R) -> R {
    let mut array = vec![0xDD; 1 << 17];
    let host = ArrayMemory::new(&mut array);
    let available = host.available();
    let result = test(&host);
    assert_eq!(host.available(), available, "something was not freed");
    result
}

proptest! {
    #[test]
    fn host_pages_are_written(rounds in rounds()) {
        with_memory(|host| {
            let region = DefaultRegion::new(settings(1, Blocks::One), host, host).unwrap();
            writes(&region, &rounds, false)
        })?;
    }

    #[test]
    fn pages_that_are_marked_are_written(rounds in rounds(), is_apart: bool) {
        with_memory(|host| {
            let settings = settings(1, if is_apart { Blocks::PerPage } else { Blocks::Of(8) });
            let tracker = BitTracker::new(settings.geometry, host).unwrap();
            let region = DefaultRegion::tracked(settings, host, host, tracker).unwrap();
            writes(&region, &rounds, true)
        })?;
    }

    #[test]
    fn device_pages_are_written(rounds in rounds()) {
        with_memory(|host| {
            let device = SimMemory::new(host, 4 * BYTES, 1).unwrap();
            let settings = settings(1, Blocks::Of(2));
            let tracker = BitTracker::new(settings.geometry, host).unwrap();
            let region = DefaultRegion::tracked(settings, &device, host, tracker).unwrap();
            writes(&region, &rounds, true)
        })?;
    }

    #[test]
    fn pages_with_twins_are_written(rounds in rounds()) {
        with_memory(|host| {
            let device = SimMemory::new(host, 4 * BYTES, 1).unwrap();
            let settings = settings(1, Blocks::One);
            let tracker = TwinTracker::new(settings.geometry, host).unwrap();
            let region = DefaultRegion::tracked(settings, &device, host, tracker).unwrap();
            writes(&region, &rounds, false)
        })?;
    }

    /// Several regions write different bytes of the same pages.
    #[test]
    fn writers_of_one_page_are_merged(
        bytes in prop::collection::vec((0..BYTES, 0_usize..2, 1_u8..255), 1..80),
        fault in prop::option::of(1_u64..6),
    ) {
        with_memory(|host| merged(host, &bytes, fault))?;
    }
}

/// Each byte is written by one of two regions, and all are merged into a third.
fn merged(
    host: Host<'_>,
    bytes: &[(usize, usize, u8)],
    fault: Option<u64>,
) -> Result<(), TestCaseError> {
    let device = SimMemory::new(host, 4 * BYTES, 1).unwrap();
    let truth = DefaultRegion::new(settings(3, Blocks::One), &device, host).unwrap();
    let writers = [1, 8].map(|id| {
        let settings = settings(id, Blocks::Of(16));
        let tracker = TwinTracker::new(settings.geometry, host).unwrap();
        DefaultRegion::tracked(settings, host, host, tracker).unwrap()
    });
    let _pages = truth.anchor(&Access::All).unwrap();
    let _theirs = writers.each_ref().map(|writer| writer.anchor(&Access::All).unwrap());
    truth.write(&Access::All).unwrap().write(0, &[1_u8; BYTES]).unwrap();
    let mut model = vec![1; BYTES];
    for writer in &writers {
        let mut all = writer.select(&Access::All).unwrap();
        update(writer, &truth, &mut all, Options::new()).unwrap();
    }
    let mut who = vec![None; BYTES];
    for &(at, writer, value) in bytes {
        let writer = *who[at].get_or_insert(writer);
        let mut writing = writers[writer].write(&Access::range(at..at + 1)).unwrap();
        writing.set(at, value).unwrap();
        model[at] = value;
    }
    for (number, writer) in writers.iter().enumerate() {
        let mut all = writer.select(&Access::All).unwrap();
        if let Some(nth) = fault
            && number == 0
        {
            device.fail_at(nth);
        }
        let result = merge(&truth, writer, &mut all);
        device.heal();
        if result.is_err() {
            let lost = (0..2).any(|group| truth.valid(group) != truth.allocated(group));
            prop_assert!(lost, "nothing of what failed is invalid");
            prop_assert_eq!(all.count(), 0);
            let is_dirty = (0..2).any(|group| writer.dirty(group) != 0);
            prop_assert!(is_dirty, "changes are lost");
            return Ok(());
        }
        let changed = (0..BYTES).filter(|&at| who[at] == Some(number) && model[at] != 1).count();
        prop_assert_eq!(result.unwrap().bytes, changed, "only what changed is moved");
        prop_assert!((0..2).all(|group| writer.dirty(group) == 0));
    }
    for writer in &writers {
        let mut all = writer.select(&Access::All).unwrap();
        update(writer, &truth, &mut all, Options::new()).unwrap();
        let reading = writer.read(&Access::All).unwrap();
        let mut found = vec![0_u8; BYTES];
        reading.read(0, &mut found).unwrap();
        prop_assert_eq!(&found, &model);
    }
    Ok(())
}

/// A pinned page stays, whoever lets go of it meanwhile.
#[test]
fn pins_keep_pages() {
    with_memory(|host| {
        let device = SimMemory::new(host, 4 * BYTES, 1).unwrap();
        let region = DefaultRegion::new(settings(1, Blocks::PerPage), &device, host).unwrap();
        let anchor = region.anchor(&Access::range(0..PAGE)).unwrap();
        region.write(&Access::range(0..1)).unwrap().set(3, 9_u8).unwrap();
        let reading = region.read(&Access::range(0..1)).unwrap();
        drop(anchor);
        assert_eq!((device.counts().live, reading.get::<u8>(3)), (1, Ok(9)));
        drop(reading);
        assert_eq!((device.counts().live, region.allocated(0)), (0, 0));
        let unallocated = RegionError::Unallocated { region: region.id(), first: 0, pages: 1 };
        assert_eq!(region.read(&Access::range(0..1)).unwrap_err(), unallocated);
        assert_eq!(region.lock(&Access::range(0..1)).unwrap_err(), unallocated);
    });
}

/// A locked page keeps what it holds though nobody refers to it.
#[test]
fn locks_keep_pages() {
    with_memory(|host| {
        let region = DefaultRegion::new(settings(1, Blocks::Of(4)), host, host).unwrap();
        let anchor = region.anchor(&Access::range(0..PAGE)).unwrap();
        region.write(&Access::range(0..1)).unwrap().set(3, 9_u8).unwrap();
        let lock = region.lock(&Access::range(0..1)).unwrap();
        drop(anchor);
        assert_eq!(region.read(&Access::range(0..1)).unwrap().get::<u8>(3), Ok(9));
        lock.release();
        assert_eq!(region.allocated(0), 0);
    });
}

/// A page that is anchored anew holds nothing of what it held before.
#[test]
fn pages_that_come_again_hold_nothing() {
    with_memory(|host| {
        let region = DefaultRegion::new(settings(1, Blocks::One), host, host).unwrap();
        let all = Access::range(0..PAGE);
        let keep = region.anchor(&Access::range(PAGE..PAGE + 1)).unwrap();
        let anchor = region.anchor(&all).unwrap();
        region.write(&all).unwrap().set(0, 9_u8).unwrap();
        drop(anchor);
        let _anchor = region.anchor(&all).unwrap();
        let invalid = RegionError::Invalid { region: region.id(), first: 0, pages: 1 };
        assert_eq!(region.read(&all).unwrap_err(), invalid);
        assert_eq!(region.write(&all).unwrap().get::<u8>(0), Ok(0));
        drop(keep);
    });
}

#[test]
fn who_does_not_wait_is_told_of_the_page() {
    with_memory(|host| {
        let region = DefaultRegion::new(settings(1, Blocks::One), host, host).unwrap();
        let _anchor = region.anchor(&Access::All).unwrap();
        let two = Access::range(2 * PAGE..2 * PAGE + 1);
        let more = Access::range(0..4 * PAGE);
        let busy = RegionError::Busy { page: 2 };
        let writing = region.write(&two).unwrap();
        assert_eq!(region.try_read(&more).unwrap_err(), busy);
        drop(writing);
        let reading = region.read(&two).unwrap();
        assert_eq!(region.try_write(&more).unwrap_err(), busy);
        assert!(region.try_read(&two).is_ok(), "two may read");
        drop(reading);
        // Nothing stayed pinned of what was refused.
        assert!(region.try_write(&Access::All).is_ok());
    });
}

/// What is never released leaks no longer than the region is there.
#[test]
fn leaked_pages_go_with_the_region() {
    with_memory(|host| {
        let device = SimMemory::new(host, 4 * BYTES, 1).unwrap();
        let region = DefaultRegion::new(settings(1, Blocks::Of(4)), &device, host).unwrap();
        let some = region.select(&Access::Ranges(&[0..PAGE, 9 * PAGE..10 * PAGE])).unwrap();
        region.keep(&some, Missing::Allocate).unwrap();
        drop(region.anchor(&Access::All).unwrap());
        assert_eq!(device.counts().live, 2);
        drop(some);
        drop(region);
        assert_eq!(device.counts().live, 0);
    });
}

#[test]
fn failed_memory_is_told_of() {
    with_memory(|host| {
        let device = SimMemory::new(host, 4 * BYTES, 1).unwrap();
        let region = DefaultRegion::new(settings(1, Blocks::Of(4)), &device, host).unwrap();
        let _anchor = region.anchor(&Access::All).unwrap();
        device.fail_at(1);
        let error = region.write(&Access::All).map(drop).unwrap_err();
        assert!(matches!(error, RegionError::Memory(MemoryError::Backend { .. })), "{error}");
        assert_eq!(region.valid(0), 0);
        assert!(region.try_write(&Access::All).is_ok(), "it stayed pinned");
    });
}
