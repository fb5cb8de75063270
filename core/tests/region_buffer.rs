//! A buffer is the same array of elements wherever it is read, whoever wrote it where, and no
//! more is copied than has to be.

mod region_common;

use std::thread;

use anymem_core::memory::{ArrayMemory, HostAddressable, SimMemory};
use anymem_core::region::{
    Access, Blocks, DefaultRegion, DistributedBuffer, Geometry, Options, PageArray, Pages,
    RegionError, Settings, View, update,
};
use proptest::prelude::*;

use region_common::{PAGE, id, room, settings};

const LEN: usize = 200;

/// An element whose size divides no page's.
type Element = [u64; 3];

fn element(number: u32) -> Element {
    [u64::from(number), !u64::from(number), 7]
}

#[derive(Debug, Clone)]
enum Pattern {
    All,
    Range(usize, usize),
    Indices(Vec<usize>),
    /// Where, every how many, and how many of them.
    Strided(usize, usize, usize),
}

#[derive(Debug, Clone)]
enum Step {
    Read(u32, Pattern),
    Write(u32, Pattern, u32),
    ReadWrite(u32, Pattern, u32),
    Evict(u32, Pattern),
}

impl Pattern {
    fn elements(&self) -> Vec<usize> {
        match self {
            Self::All => (0..LEN).collect(),
            Self::Range(start, len) => (*start..(start + len).min(LEN)).collect(),
            Self::Indices(indices) => indices.clone(),
            Self::Strided(start, step, count) => {
                (0..*count).map(|n| start + n * step).filter(|it| *it < LEN).collect()
            }
        }
    }

    /// Does something with the access that means the elements.
    fn with<R>(&self, f: impl FnOnce(&Access<'_>) -> R) -> R {
        const SIZE: usize = size_of::<Element>();
        let elements = self.elements();
        match self {
            Self::All => f(&Access::All),
            Self::Range(..) => {
                let start = elements.first().copied().unwrap_or(0);
                let bytes = start * SIZE..(start + elements.len()) * SIZE;
                f(&Access::Ranges(core::slice::from_ref(&bytes)))
            }
            Self::Indices(indices) => f(&Access::Indices { element: SIZE, indices }),
            Self::Strided(start, step, _) => f(&Access::Strided {
                start: start * SIZE,
                len: SIZE,
                stride: step * SIZE,
                count: elements.len(),
            }),
        }
    }
}

fn patterns() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        Just(Pattern::All),
        (0..LEN, 1..LEN).prop_map(|(start, len)| Pattern::Range(start, len)),
        prop::collection::vec(0..LEN, 0..8).prop_map(Pattern::Indices),
        (0..LEN, 1..20_usize, 0..20_usize)
            .prop_map(|(start, step, count)| Pattern::Strided(start, step, count)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = || 1..4_u32;
    let step = prop_oneof![
        3 => (place(), patterns()).prop_map(|(place, it)| Step::Read(place, it)),
        2 => (place(), patterns(), any::<u32>()).prop_map(|(place, it, by)| Step::Write(place, it, by)),
        2 => (place(), patterns(), any::<u32>())
            .prop_map(|(place, it, by)| Step::ReadWrite(place, it, by)),
        1 => (place(), patterns()).prop_map(|(place, it)| Step::Evict(place, it)),
    ];
    prop::collection::vec(step, 1..30)
}

/// Regions in three memories: two that the processor cannot use.
struct World<'s, 'm> {
    host: &'m ArrayMemory<'m>,
    sims: [&'s SimMemory<&'m ArrayMemory<'m>>; 3],
}

type Sims<'s, 'm> = DefaultRegion<&'s SimMemory<&'m ArrayMemory<'m>>, &'m ArrayMemory<'m>>;
type Buffer<'s, 'm> = DistributedBuffer<Element, Sims<'s, 'm>, &'m ArrayMemory<'m>>;

impl<'s, 'm> World<'s, 'm> {
    fn buffer(&self, page: usize) -> Buffer<'s, 'm> {
        let factories = self.sims.iter().enumerate().map(|(number, sim)| {
            let (sim, host, number) = (*sim, self.host, number as u32 + 1);
            let blocks = [Blocks::One, Blocks::Of(4), Blocks::PerPage][number as usize - 1];
            move |geometry| DefaultRegion::new(settings(number, geometry, blocks), sim, host)
        });
        DistributedBuffer::new(id(9), LEN, page, factories, self.host).unwrap()
    }

    fn bytes(&self) -> u64 {
        self.sims.iter().map(|sim| sim.counts().bytes()).sum()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn it_is_one_array_wherever_it_is_used(steps in steps()) {
        let mut memory = room(1 << 20);
        let host = &ArrayMemory::new(&mut memory);
        let sims = [1, 2, 3].map(|n| SimMemory::new(host, 1 << 15, n).unwrap());
        let world = World { host, sims: sims.each_ref() };
        {
            let buffer = world.buffer(PAGE);
            let mut model = vec![Element::default(); LEN];
            // Nothing is there before somebody writes it.
            let nobodys = buffer.read(id(1), &Access::All).err();
            let is_nobodys = matches!(nobodys, Some(RegionError::Unallocated { .. }));
            prop_assert!(is_nobodys);
            drop(buffer.read_write(id(2), &Access::All).unwrap());
            for step in &steps {
                take(&world, &buffer, step, &mut model);
                for group in 0..(LEN * size_of::<Element>()).div_ceil(64 * PAGE) {
                    let dirty = buffer.truth().regions().iter().map(|it| it.dirty(group));
                    let twice = dirty.fold((0, 0), |(once, twice), it| (once | it, twice | once & it));
                    prop_assert_eq!(twice.1, 0, "one region alone has changes of a page");
                }
            }
            // Who knows nothing of regions sees the same.
            let bytes: &[u8] = bytemuck::cast_slice(&model);
            let mut view = View::new(buffer.truth(), 0..bytes.len(), host).unwrap();
            prop_assert_eq!(&view.read().unwrap()[..], bytes);
        }
        prop_assert!(sims.iter().all(|sim| sim.counts().live == 0), "all pages went with it");
    }
}

fn take(world: &World<'_, '_>, buffer: &Buffer<'_, '_>, step: &Step, model: &mut [Element]) {
    match step {
        Step::Read(place, pattern) => {
            let same = |_: ()| {
                let read = pattern.with(|access| buffer.read(id(*place), access)).unwrap();
                let before = world.bytes();
                for element in pattern.elements() {
                    assert_eq!(read.get::<Element>(element).unwrap(), model[element]);
                }
                world.bytes() - before
            };
            let looked = same(());
            // All is there now: nothing is copied but what the test reads.
            let before = world.bytes();
            let again = same(());
            assert_eq!(world.bytes() - before, again);
            assert_eq!(again, looked);
        }
        Step::Write(place, pattern, by) => {
            let mut write = pattern.with(|access| buffer.write(id(*place), access)).unwrap();
            for index in pattern.elements() {
                model[index] = element(by ^ index as u32);
                write.set(index, model[index]).unwrap();
            }
        }
        Step::ReadWrite(place, pattern, by) => {
            let mut write = pattern.with(|access| buffer.read_write(id(*place), access)).unwrap();
            for element in pattern.elements().into_iter().take(3) {
                assert_eq!(write.get::<Element>(element).unwrap(), model[element]);
                model[element][0] ^= u64::from(*by);
                write.set(element, model[element]).unwrap();
            }
        }
        Step::Evict(place, pattern) => {
            pattern.with(|access| buffer.evict(id(*place), access)).unwrap();
        }
    }
}

fn two_regions<H: HostAddressable + Clone>(
    host: &H,
    len: usize,
) -> DistributedBuffer<u64, DefaultRegion<&H, &H>, &H> {
    let factory = |number| {
        move |geometry: Geometry| {
            let settings =
                Settings { pause: thread::yield_now, ..Settings::new(id(number), geometry) };
            DefaultRegion::new(settings, host, host)
        }
    };
    DistributedBuffer::new(id(9), len, PAGE, [1, 2].map(factory), host).unwrap()
}

/// Only pages that the access means are there, and get what is stale.
#[test]
fn just_what_is_accessed_is_there() {
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let buffer = two_regions(&host, 8 * 30);
    let (one, two) = (buffer.truth().region(id(1)).unwrap(), buffer.truth().region(id(2)).unwrap());
    drop(buffer.write(id(1), &Access::All).unwrap());
    assert_eq!((one.allocated(0), two.allocated(0)), ((1 << 30) - 1, 0));
    let indices = [0, 8 * 7, 8 * 7 + 1, 8 * 20];
    drop(buffer.read(id(2), &Access::Indices { element: 8, indices: &indices }).unwrap());
    let accessed = 1 | 1 << 7 | 1 << 20;
    assert_eq!((two.allocated(0), two.valid(0)), (accessed, accessed));
    // What one writes is stale in the other, and nothing else is.
    let range = buffer.bytes_of(8 * 7..8 * 9);
    drop(buffer.read_write(id(1), &Access::Ranges(&[range])).unwrap());
    let stale = (0..30).filter(|page| two.stamp(*page) != buffer.truth().stamp(*page));
    assert_eq!(stale.filter(|page| accessed >> page & 1 != 0).collect::<Vec<_>>(), [7]);
    let mut all = [accessed];
    let copied = update(two, buffer.truth(), Pages::new_mut(&mut all), Options::new()).unwrap();
    assert_eq!((copied.pages, copied.bytes), (1, PAGE));
    buffer.evict(id(2), &Access::All).unwrap();
    assert_eq!((one.allocated(0), two.allocated(0)), ((1 << 30) - 1, 0), "but not the truth");
}

/// What is overwritten as a whole need not be got before.
#[test]
fn what_is_overwritten_is_not_copied() {
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let sims = [1, 2].map(|number| SimMemory::new(host, 1 << 15, number).unwrap());
    let factories = sims.each_ref().map(|sim| {
        let number = if core::ptr::eq(sim, &sims[0]) { 1 } else { 2 };
        move |geometry| DefaultRegion::new(settings(number, geometry, Blocks::One), sim, host)
    });
    let buffer = DistributedBuffer::<u64, _, _>::new(id(9), 80, PAGE, factories, host).unwrap();
    buffer.write(id(1), &Access::All).unwrap().write(0, &[1_u64; 80]).unwrap();
    let before = sims[0].counts().bytes();
    // Pages 2 to 4 as a whole, and a half each of 1 and 5.
    let range = buffer.bytes_of(12..44);
    buffer.write(id(2), &Access::Ranges(&[range])).unwrap().write(12, &[2_u64; 32]).unwrap();
    assert_eq!(sims[0].counts().bytes() - before, 2 * PAGE as u64);
    let mut all = [0_u64; 80];
    buffer.read(id(1), &Access::All).unwrap().read(0, &mut all).unwrap();
    let expected = |index| if (12..44).contains(&index) { 2 } else { 1 };
    assert!((0..80).all(|index| all[index] == expected(index)), "{all:?}");
}

/// Threads count in elements of shared pages, each in a region of its own.
#[test]
fn no_count_is_lost() {
    const TIMES: usize = 500;
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let buffer = &two_regions(&host, 8 * 4);
    drop(buffer.write(id(1), &Access::All).unwrap());
    thread::scope(|scope| {
        for thread in 0..3_usize {
            scope.spawn(move || {
                for time in 0..TIMES {
                    let elements = [(time * 3) % 32, (time * 5 + thread) % 32];
                    let access = Access::Indices { element: 8, indices: &elements };
                    let mut write = buffer.read_write(id(1 + thread as u32 % 2), &access).unwrap();
                    for element in elements {
                        write.update(element, |count: u64| count + 1).unwrap();
                    }
                    drop(write);
                    drop(buffer.read(id(1 + time as u32 % 2), &access).unwrap());
                }
            });
        }
    });
    let mut all = [0_u64; 32];
    buffer.read(id(2), &Access::All).unwrap().read(0, &mut all).unwrap();
    assert_eq!(all.iter().sum::<u64>(), 3 * 2 * TIMES as u64);
}

/// Pages that somebody overwrites can be read meanwhile, whoever had them: as they were, or as
/// they are then.
#[test]
fn whoever_reads_waits_for_who_overwrites() {
    const TIMES: u64 = 2000;
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let buffer = &two_regions(&host, 8 * 4);
    drop(buffer.write(id(1), &Access::All).unwrap());
    thread::scope(|scope| {
        for place in [1, 2] {
            scope.spawn(move || {
                for time in 0..TIMES {
                    let number = time * 2 + u64::from(place);
                    let mut write = buffer.write(id(place), &Access::All).unwrap();
                    write.write(0, &[number; 8 * 4]).unwrap();
                }
            });
            scope.spawn(move || {
                for time in 0..TIMES {
                    let mut all = [0_u64; 8 * 4];
                    if time % 4 == 0 {
                        let read_write = buffer.read_write(id(place), &Access::All).unwrap();
                        read_write.read(0, &mut all).unwrap();
                    } else {
                        let read = buffer.read(id(place), &Access::All).unwrap();
                        read.read(0, &mut all).unwrap();
                    }
                    let is_whole = |page: &[u64]| page.iter().all(|it| *it == page[0]);
                    assert!(all.chunks(8).all(is_whole), "{all:?}");
                }
            });
        }
    });
}

#[test]
fn what_cannot_be_is_an_error() {
    let mut memory = room(1 << 18);
    let host = &ArrayMemory::new(&mut memory);
    let buffer = two_regions(&host, 10);
    assert_eq!(buffer.read(id(3), &Access::All).err(), Some(RegionError::Unsupported));
    assert_eq!(buffer.evict(id(3), &Access::All), Err(RegionError::Unsupported));
    let beyond = buffer.bytes_of(5..11);
    let access = Access::Ranges(core::slice::from_ref(&beyond));
    for error in [
        buffer.read(id(1), &access).err(),
        buffer.write(id(1), &access).err(),
        buffer.read_write(id(1), &access).err(),
        buffer.evict(id(1), &access).err(),
    ] {
        assert_eq!(error, Some(RegionError::Access { at: 80, bytes: 80 }));
    }
    type Region<'a> = DefaultRegion<&'a ArrayMemory<'a>, &'a ArrayMemory<'a>>;
    let factory = |geometry| -> Result<Region<'_>, RegionError> {
        DefaultRegion::new(settings(1, geometry, Blocks::One), host, host)
    };
    let new = |len, page, count: usize| {
        let factories = [factory; 2].into_iter().take(count);
        DistributedBuffer::<u64, _, _>::new(id(9), len, page, factories, host).err()
    };
    assert_eq!(new(10, 48, 1), Some(RegionError::Unsupported), "no power of two");
    assert_eq!(new(10, PAGE, 2), Some(RegionError::Unsupported), "the same id twice");
    let too_many = usize::MAX / 8 + 2;
    assert!(
        matches!(new(too_many, PAGE, 1), Some(RegionError::Access { at, .. }) if at == too_many)
    );
    assert!(new(0, PAGE, 1).is_none(), "no elements at all");
}
