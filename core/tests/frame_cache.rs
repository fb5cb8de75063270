//! Caches of frames: whoever takes from whichever, nobody gets a frame that somebody else has, and
//! none is lost.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};

use anymem_core::frames::{
    Frame, FrameAllocator, FrameCache, FrameError, OnCpu, Request, metadata_size,
};
use anymem_core::sync::{Arena, Bytes};
use proptest::prelude::*;

/// Not at the border of an area, nor of a word.
const FIRST: usize = 3 * 512 + 77;
const FRAMES: usize = 700;
const CPUS: usize = 3;
/// What a cache has at most.
const MOST: usize = 40;

fn span() -> Range<Frame> {
    Frame::new(FIRST)..Frame::new(FIRST + FRAMES)
}

fn metadata() -> Vec<u8> {
    vec![0; metadata_size(FRAMES, CPUS)]
}

/// Frames all of which are free.
fn allocator(metadata: &mut [u8]) -> FrameAllocator<Bytes<'_>> {
    let frames = FrameAllocator::new(span(), CPUS, metadata).unwrap();
    frames.release(span()).unwrap();
    frames
}

fn cache<M: Arena>(cpu: OnCpu<'_, M>) -> FrameCache<'_, M, MOST> {
    FrameCache::with_capacity(cpu)
}

#[derive(Debug, Clone)]
enum Action {
    Allocate { cpu: usize, count: usize },
    Free { cpu: usize, which: usize, count: usize },
    AllocateGroup { cpu: usize, order: u32 },
    FreeDirectly { cpu: usize, which: usize },
    Drain { cpu: usize },
    Replace { cpu: usize },
}

fn action() -> impl Strategy<Value = Action> {
    let (cpu, which, count) = (0..CPUS, any::<usize>(), 1..90_usize);
    prop_oneof![
        8 => (cpu.clone(), count.clone()).prop_map(|(cpu, count)| Action::Allocate { cpu, count }),
        8 => (cpu.clone(), which, count)
            .prop_map(|(cpu, which, count)| Action::Free { cpu, which, count }),
        2 => (cpu.clone(), 0..10_u32)
            .prop_map(|(cpu, order)| Action::AllocateGroup { cpu, order }),
        2 => (cpu.clone(), which).prop_map(|(cpu, which)| Action::FreeDirectly { cpu, which }),
        1 => cpu.clone().prop_map(|cpu| Action::Drain { cpu }),
        1 => cpu.prop_map(|cpu| Action::Replace { cpu }),
    ]
}

/// An allocator, a cache of each of its processors, and what was taken from them.
struct World<'a> {
    frames: &'a FrameAllocator<Bytes<'a>>,
    caches: Vec<FrameCache<'a, Bytes<'a>, MOST>>,
    taken: Vec<Frame>,
}

impl<'a> World<'a> {
    fn new(frames: &'a FrameAllocator<Bytes<'a>>) -> Self {
        let caches = (0..CPUS).map(|cpu| cache(frames.on(cpu))).collect();
        Self { frames, caches, taken: Vec::new() }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Allocate { cpu, count } => (0..count).for_each(|_| self.allocate(cpu)),
            Action::Free { cpu, which, count } => {
                (0..count.min(self.taken.len())).for_each(|step| {
                    // Neighbours, or frames from here and there.
                    let frame = self.remove(which.wrapping_add(step * (which % 7)));
                    assert_eq!(self.caches[cpu].free(frame), Ok(()));
                });
            }
            Action::AllocateGroup { cpu, order } => {
                if let Ok(first) = self.frames.on(cpu).allocate(Request::order(order)) {
                    self.taken.extend((0..1 << order).map(|number| first.add(number)));
                }
            }
            Action::FreeDirectly { cpu, which } if !self.taken.is_empty() => {
                let frame = self.remove(which);
                assert_eq!(self.frames.on(cpu).free(frame, 1), Ok(()));
            }
            Action::FreeDirectly { .. } => {}
            Action::Drain { cpu } => {
                assert_eq!(self.caches[cpu].drain(), Ok(()));
                assert_eq!(self.caches[cpu].held(), 0);
            }
            Action::Replace { cpu } => self.caches[cpu] = cache(self.frames.on(cpu)),
        }
    }

    fn allocate(&mut self, cpu: usize) {
        let was_held = self.caches[cpu].held();
        match self.caches[cpu].allocate() {
            Ok(frame) => self.taken.push(frame),
            Err(error) => {
                assert_eq!(error, FrameError::NoneFree { count: 1 });
                assert_eq!((was_held, self.frames.stats().free), (0, 0), "refused what there is");
            }
        }
    }

    fn remove(&mut self, which: usize) -> Frame {
        let which = which % self.taken.len();
        self.taken.swap_remove(which)
    }

    /// Each frame is taken by one, at hand in a cache, or free.
    fn check(&self) {
        let held = self.caches.iter().map(FrameCache::held).collect::<Vec<_>>();
        assert!(held.iter().all(|held| *held <= MOST), "{held:?}");
        let distinct = self.taken.iter().collect::<BTreeSet<_>>();
        assert_eq!(distinct.len(), self.taken.len(), "a frame that two have");
        assert!(self.taken.iter().all(|frame| span().contains(frame)));
        let known = held.iter().sum::<usize>() + self.taken.len() + self.frames.stats().free;
        assert_eq!(known, FRAMES, "frames are lost, or there twice");
        assert_eq!(self.frames.check(), Ok(()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_is_right(actions in prop::collection::vec(action(), 1..100)) {
        let mut bytes = metadata();
        let frames = allocator(&mut bytes);
        let mut world = World::new(&frames);
        for action in actions {
            world.act(action);
            world.check();
        }
        let World { caches, taken, .. } = world;
        drop(caches);
        prop_assert_eq!(frames.stats().free, FRAMES - taken.len());
    }
}

#[test]
fn what_was_freed_last_is_taken_first() {
    let mut bytes = metadata();
    let frames = allocator(&mut bytes);
    let mut cache = cache(frames.on(1));
    let taken = [(); 8].map(|()| cache.allocate().unwrap());
    taken.iter().for_each(|frame| cache.free(*frame).unwrap());
    let again = [(); 8].map(|()| cache.allocate().unwrap());
    assert!(again.iter().rev().eq(&taken), "{taken:?} and {again:?}");
}

#[test]
fn half_of_a_full_cache_goes_back() {
    let mut bytes = metadata();
    let frames = allocator(&mut bytes);
    let mut cache = cache(frames.on(0));
    let first = frames.on(0).allocate(Request::order(6)).unwrap();
    for number in 0..MOST {
        cache.free(first.add(number)).unwrap();
    }
    assert_eq!((cache.held(), frames.stats().free), (MOST, FRAMES - 64));
    cache.free(first.add(MOST)).unwrap();
    assert_eq!((cache.held(), frames.stats().free), (MOST / 2 + 1, FRAMES - 64 + MOST / 2));
    let oldest = first..first.add(MOST / 2);
    assert_eq!(frames.reserve(oldest), Ok(()), "the oldest half is free");
}

#[test]
fn all_can_be_had_through_one_cache_and_given_back_when_it_is_dropped() {
    let mut bytes = metadata();
    let frames = allocator(&mut bytes);
    let mut cache = FrameCache::new(frames.on(2));
    let taken = (0..FRAMES).map(|_| cache.allocate().unwrap()).collect::<BTreeSet<_>>();
    assert_eq!(taken.len(), FRAMES);
    assert_eq!(cache.allocate(), Err(FrameError::NoneFree { count: 1 }));
    taken.into_iter().for_each(|frame| cache.free(frame).unwrap());
    assert_ne!(frames.stats().free, FRAMES, "some are at hand");
    drop(cache);
    assert_eq!(frames.on(0).allocate(Request::count(FRAMES)), Ok(Frame::new(FIRST)));
}

#[test]
fn what_is_at_hand_elsewhere_is_had_after_a_drain() {
    let mut bytes = metadata();
    let frames = allocator(&mut bytes);
    let mut others = cache(frames.on(0));
    let frame = others.allocate().unwrap();
    others.free(frame).unwrap();
    let held = others.held();
    assert!(held > 1, "{held} frames at once");
    let mut cache = cache(frames.on(1));
    let mut count = 0;
    while cache.allocate().is_ok() {
        count += 1;
    }
    assert_eq!(count, FRAMES - held);
    others.drain().unwrap();
    assert!((0..held).all(|_| cache.allocate().is_ok()));
}

#[test]
fn a_double_free_is_seen_when_the_frame_goes_back() {
    let mut bytes = metadata();
    let frames = allocator(&mut bytes);
    let group = frames.on(0).allocate(Request::order(2)).unwrap();
    let [free, twice, once] = [0, 1, 2].map(|number| group.add(number));
    let mut cache = cache(frames.on(0));
    frames.on(0).free(free, 1).unwrap();
    [free, once].iter().for_each(|frame| assert_eq!(cache.free(*frame), Ok(())));
    assert_eq!(cache.drain(), Err(FrameError::Free(free)));
    [twice, twice].iter().for_each(|frame| assert_eq!(cache.free(*frame), Ok(())));
    assert_eq!(cache.drain(), Err(FrameError::Free(twice)));
    assert_eq!(frames.stats().free, FRAMES - 1, "those beside it are free");
    assert_eq!(cache.drain(), Ok(()), "it is told once");
}

#[test]
fn a_double_free_is_told_to_who_makes_room() {
    let mut bytes = metadata();
    let frames = allocator(&mut bytes);
    let group = frames.on(0).allocate(Request::order(6)).unwrap();
    let mut cache = cache(frames.on(0));
    cache.free(group).unwrap();
    (0..MOST - 1).for_each(|number| cache.free(group.add(number)).unwrap());
    assert_eq!(cache.free(group.add(MOST)), Err(FrameError::Free(group)));
    assert_eq!(cache.allocate(), Ok(group.add(MOST)), "it is at hand all the same");
}

#[test]
fn frames_from_elsewhere_are_refused() {
    let mut bytes = metadata();
    let frames = allocator(&mut bytes);
    let mut cache = cache(frames.on(0));
    for number in [0, FIRST - 1, FIRST + FRAMES, usize::MAX] {
        let frame = Frame::new(number);
        assert_eq!(cache.free(frame), Err(FrameError::Outside(frame)));
    }
    assert_eq!(cache.held(), 0);
}

#[test]
fn threads_never_have_the_same_frame() {
    let mut bytes = metadata();
    let frames = allocator(&mut bytes);
    let taken = (0..FRAMES).map(|_| AtomicBool::new(false)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (cache, taken) = (cache(frames.on(thread % CPUS)), &taken);
            scope.spawn(move || churn(cache, taken));
        }
    });
    assert_eq!(frames.stats().free, FRAMES);
    assert_eq!(frames.check(), Ok(()));
}

/// Takes more and more frames and frees more and more of them, in turn.
fn churn(mut cache: FrameCache<'_, Bytes<'_>, MOST>, taken: &[AtomicBool]) {
    let mark = |frame: Frame, has: bool| {
        let before = taken[frame.number() - FIRST].swap(has, AcqRel);
        assert_eq!(before, !has, "frame {frame}");
        frame
    };
    for count in (0..300).cycle().take(3000) {
        let some = (0..count).map_while(|_| cache.allocate().ok());
        let some = some.map(|frame| mark(frame, true)).collect::<Vec<_>>();
        some.into_iter().for_each(|frame| cache.free(mark(frame, false)).unwrap());
    }
}
