//! Page frames: whatever is asked for in whatever order, nobody gets a frame that somebody else
//! has, and nobody is refused what there is.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{
    AtomicBool, AtomicIsize, AtomicUsize,
    Ordering::{AcqRel, Release},
};
use std::sync::{Mutex, OnceLock};

use anymem_core::frames::{
    Frame, FrameAllocator, FrameError, FrameFault, OnCpu, Request, SetupError, metadata_size,
};
use anymem_core::offset::Offset;
use anymem_core::sync::{Arena, Bytes, Native};
use proptest::prelude::*;

/// Not at the border of an area.
const FIRST: usize = 3 * 512 + 77;
const FRAMES: usize = 5 * 512 + 100;
const CPUS: usize = 3;

fn frames(range: Range<usize>) -> Range<Frame> {
    Frame::new(range.start)..Frame::new(range.end)
}

/// Bytes for the metadata of `FRAMES` frames, with something in them.
fn metadata() -> Vec<u8> {
    vec![0xa5; metadata_size(FRAMES, CPUS)]
}

fn allocator(metadata: &mut [u8]) -> FrameAllocator<Bytes<'_>> {
    FrameAllocator::new(frames(FIRST..FIRST + FRAMES), CPUS, metadata).unwrap()
}

#[derive(Debug, Clone)]
enum Action {
    Allocate { cpu: usize, count: usize, align: u32, below: Option<usize> },
    Free { cpu: usize, which: usize, part: usize },
    FreeWhatever { first: usize, count: usize },
    Reserve(Range<usize>),
    Release(Range<usize>),
}

fn range() -> impl Strategy<Value = Range<usize>> {
    let first = FIRST - 5..FIRST + FRAMES + 5;
    let count = prop_oneof![0..5_usize, 0..700_usize];
    (first, count).prop_map(|(first, count)| first..first + count)
}

fn below() -> impl Strategy<Value = Option<usize>> {
    prop_oneof![3 => Just(None), 1 => (FIRST - 5..FIRST + FRAMES + 5).prop_map(Some)]
}

fn action() -> impl Strategy<Value = Action> {
    let order = prop_oneof![4 => 0..1_u32, 2 => 0..6_u32, 1 => 6..12_u32];
    let exact = (0..CPUS + 2, order, below()).prop_map(|(cpu, order, below)| Action::Allocate {
        cpu,
        count: 1 << order,
        align: order,
        below,
    });
    let run = (0..CPUS, 0..300_usize, 0..11_u32, below())
        .prop_map(|(cpu, count, align, below)| Action::Allocate { cpu, count, align, below });
    let free = (0..CPUS, any::<usize>(), any::<usize>())
        .prop_map(|(cpu, which, part)| Action::Free { cpu, which, part });
    prop_oneof![
        8 => exact,
        2 => run,
        8 => free,
        1 => range().prop_map(|it| Action::FreeWhatever { first: it.start, count: it.len() }),
        1 => range().prop_map(Action::Reserve),
        1 => range().prop_map(Action::Release),
    ]
}

/// What ought to be so.
#[derive(Default)]
struct Model {
    free: BTreeSet<usize>,
    blocks: Vec<Range<usize>>,
    usable: usize,
}

impl Model {
    fn is_free(&self, range: Range<usize>) -> bool {
        self.free.range(range.clone()).count() == range.len()
    }

    fn is_used(&self, frame: usize) -> bool {
        self.blocks.iter().any(|block| block.contains(&frame))
    }

    /// Whether a request can be met.
    fn has(&self, count: usize, align: u32, below: usize) -> bool {
        let step = 1 << align;
        let starts = (FIRST.next_multiple_of(step)..FIRST + FRAMES).step_by(step);
        starts
            .filter(|first| first + count <= below)
            .any(|first| self.is_free(first..first + count))
    }

    fn take(&mut self, range: Range<usize>) {
        range.for_each(|frame| assert!(self.free.remove(&frame), "{frame:#x} was not free"));
    }

    /// What is said of frames that are to be freed, or are free then.
    fn put(&mut self, range: Range<usize>) -> Result<(), FrameError> {
        managed(&range)?;
        if let Some(free) = self.free.range(range.clone()).next() {
            return Err(FrameError::Free(Frame::new(*free)));
        }
        self.free.extend(range.clone());
        self.blocks = self.blocks.iter().flat_map(|block| without(block, &range)).collect();
        Ok(())
    }

    fn reserve(&mut self, range: Range<usize>) -> Result<(), FrameError> {
        managed(&range)?;
        if let Some(taken) = range.clone().find(|frame| !self.free.contains(frame)) {
            return Err(FrameError::Taken(Frame::new(taken)));
        }
        self.usable -= range.len();
        self.take(range);
        Ok(())
    }
}

fn managed(range: &Range<usize>) -> Result<(), FrameError> {
    let end = FIRST + FRAMES;
    match range {
        range if !(FIRST..end).contains(&range.start) => {
            Err(FrameError::Outside(Frame::new(range.start)))
        }
        range if range.is_empty() => Err(FrameError::Empty),
        range if range.end > end => Err(FrameError::Outside(Frame::new(end))),
        _ => Ok(()),
    }
}

fn act(allocator: &FrameAllocator<impl Arena>, model: &mut Model, action: Action) {
    match action {
        Action::Allocate { cpu, count, align, below } => {
            let limit = below.unwrap_or(usize::MAX);
            let request = Request::count(count).aligned(align).below(Frame::new(limit));
            match allocator.on(cpu).allocate(request) {
                Ok(first) => {
                    let first = first.number();
                    assert!(first.is_multiple_of(1 << align) && first + count <= limit);
                    model.take(first..first + count);
                    model.blocks.push(first..first + count);
                }
                Err(FrameError::Empty) => assert_eq!(count, 0),
                Err(error) => {
                    assert_eq!(error, FrameError::NoneFree { count });
                    assert!(!model.has(count, align, limit), "refused what there is");
                }
            }
        }
        Action::Free { cpu, which, part } if !model.blocks.is_empty() => {
            let block = model.blocks[which % model.blocks.len()].clone();
            let first = block.start + part % block.len() * (part & 1);
            assert_eq!(allocator.on(cpu).free(Frame::new(first), block.end - first), Ok(()));
            model.put(first..block.end).unwrap();
        }
        Action::Free { .. } => {}
        Action::FreeWhatever { first, count } => {
            let range = first..first + count;
            // That nobody has frames which are not usable, an allocator cannot know.
            if range.clone().all(|frame| model.free.contains(&frame) || model.is_used(frame)) {
                let freed = allocator.on(0).free(Frame::new(first), count);
                assert_eq!(freed, model.put(range));
            }
        }
        Action::Reserve(range) => {
            assert_eq!(allocator.reserve(frames(range.clone())), model.reserve(range));
        }
        Action::Release(range) => {
            if !range.clone().any(|frame| model.is_used(frame)) {
                let released = allocator.release(frames(range.clone()));
                assert_eq!(released, model.put(range.clone()));
                model.usable += if released.is_ok() { range.len() } else { 0 };
            }
        }
    }
}

/// What is left of a block of which `range` was freed.
fn without(block: &Range<usize>, range: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let before = block.start..block.end.min(range.start);
    let behind = block.start.max(range.end)..block.end;
    [before, behind].into_iter().filter(|part| !part.is_empty())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_calls_is_right(actions in prop::collection::vec(action(), 1..150)) {
        let mut bytes = metadata();
        let allocator = allocator(&mut bytes);
        let mut model = Model::default();
        act(&allocator, &mut model, Action::Release(FIRST..FIRST + FRAMES));
        for action in actions {
            act(&allocator, &mut model, action);
            let stats = allocator.stats();
            prop_assert_eq!((stats.free, stats.usable), (model.free.len(), model.usable));
            prop_assert_eq!(allocator.check(), Ok(()));
        }
    }

    #[test]
    fn frames_of_any_order_fill_the_memory(cpus in 1..9_usize, order in 0..12_u32) {
        let mut bytes = vec![0; metadata_size(FRAMES, cpus)];
        let span = frames(FIRST..FIRST + FRAMES);
        let allocator = FrameAllocator::new(span.clone(), cpus, &mut bytes).unwrap();
        allocator.release(span).unwrap();
        let step = 1 << order;
        let most = (FIRST + FRAMES) / step - FIRST.div_ceil(step);
        if let Some(groups) = allocator.stats().groups.get(order as usize) {
            prop_assert_eq!(*groups, most);
        }
        let taken = (0..).map_while(|it| allocator.on(it % cpus).allocate(Request::order(order)).ok());
        let taken = taken.collect::<Vec<_>>();
        prop_assert_eq!(taken.len(), most);
        for first in taken {
            prop_assert_eq!(allocator.on(0).free(first, step), Ok(()));
        }
        prop_assert_eq!(allocator.stats().free, FRAMES);
        prop_assert_eq!(allocator.check(), Ok(()));
    }
}

#[test]
fn nothing_is_free_before_it_is_released() {
    let mut bytes = metadata();
    let allocator = allocator(&mut bytes);
    assert_eq!(allocator.on(0).allocate(Request::ONE), Err(FrameError::NoneFree { count: 1 }));
    allocator.release(frames(FIRST + 7..FIRST + 8)).unwrap();
    assert_eq!(allocator.on(2).allocate(Request::ONE), Ok(Frame::new(FIRST + 7)));
}

#[test]
fn what_was_freed_last_is_taken_first() {
    let mut bytes = metadata();
    let allocator = allocator(&mut bytes);
    allocator.release(frames(FIRST..FIRST + FRAMES)).unwrap();
    let cpu = allocator.on(1);
    let taken = [(); 8].map(|()| cpu.allocate(Request::ONE).unwrap());
    taken.iter().for_each(|frame| cpu.free(*frame, 1).unwrap());
    let again = [(); 8].map(|()| cpu.allocate(Request::ONE).unwrap());
    assert!(again.iter().rev().eq(&taken), "{taken:?} and {again:?}");
}

#[test]
fn low_memory_is_used_last() {
    let mut bytes = metadata();
    let allocator = allocator(&mut bytes);
    allocator.release(frames(FIRST..FIRST + FRAMES)).unwrap();
    let limit = Frame::new(FIRST + FRAMES / 2);
    for number in 0..FRAMES / 4 {
        assert!(allocator.on(number).allocate(Request::ONE).unwrap() >= limit);
    }
    let low = allocator.on(0).allocate(Request::order(3).below(limit)).unwrap();
    assert!(low.add(8) <= limit);
}

#[test]
fn what_was_freed_frame_by_frame_can_be_had_at_once() {
    for order in 6..12 {
        let mut bytes = metadata();
        let allocator = allocator(&mut bytes);
        allocator.release(frames(FIRST..FIRST + FRAMES)).unwrap();
        let count = 1 << order;
        let most = (FIRST + FRAMES) / count - FIRST.div_ceil(count);
        (0..FRAMES).for_each(|_| assert!(allocator.on(1).allocate(Request::ONE).is_ok()));
        let even_first = (0..FRAMES).step_by(2).chain((1..FRAMES).step_by(2));
        even_first.for_each(|it| allocator.on(0).free(Frame::new(FIRST + it), 1).unwrap());
        let taken = (0..).map_while(|it| allocator.on(it).allocate(Request::order(order)).ok());
        assert_eq!(taken.count(), most, "order {order}");
        assert_eq!(allocator.check(), Ok(()));
    }
}

#[test]
fn a_huge_frame_is_freed_once_however_it_is_freed() {
    let mut bytes = metadata();
    let allocator = allocator(&mut bytes);
    allocator.release(frames(FIRST..FIRST + FRAMES)).unwrap();
    let cpu = allocator.on(0);
    let huge = cpu.allocate(Request::order(9)).unwrap();
    cpu.free(huge, 512).unwrap();
    for (first, count) in [(0, 512), (0, 1), (511, 1), (128, 128), (3, 2), (100, 200)] {
        let free = Err(FrameError::Free(huge.add(first)));
        assert_eq!(cpu.free(huge.add(first), count), free);
    }
    assert_eq!(cpu.allocate(Request::order(9)), Ok(huge));
    cpu.free(huge.add(300), 1).unwrap();
    assert_eq!(cpu.free(huge, 512), Err(FrameError::Free(huge.add(300))));
    cpu.free(huge, 300).unwrap();
    cpu.free(huge.add(301), 211).unwrap();
    assert_eq!(allocator.stats().free, FRAMES);
    assert_eq!(allocator.check(), Ok(()));
}

#[test]
fn processors_take_huge_frames_from_zones_of_their_own() {
    // On any machine, what is in three lines of the cache.
    let zone = 512 * usize::BITS as usize;
    let mut bytes = vec![0; metadata_size(3 * zone, 2)];
    let allocator = FrameAllocator::new(frames(0..3 * zone), 2, &mut bytes).unwrap();
    allocator.release(frames(0..3 * zone)).unwrap();
    let of = |cpu: usize| {
        let huge = allocator.on(cpu).allocate(Request::order(9)).unwrap();
        huge.number() / zone
    };
    for _ in 0..zone / 512 {
        assert_eq!([of(0), of(1)], [2, 1]);
    }
    assert_eq!([of(0), of(1)], [0, 0], "what is low in memory is used last");
    assert_eq!(allocator.check(), Ok(()));
}

#[test]
fn processors_take_from_areas_of_their_own() {
    let mut bytes = metadata();
    let allocator = allocator(&mut bytes);
    allocator.release(frames(FIRST..FIRST + FRAMES)).unwrap();
    let mut areas = BTreeSet::new();
    for cpu in 0..CPUS {
        let single = allocator.on(cpu).allocate(Request::ONE).unwrap();
        let group = allocator.on(cpu).allocate(Request::order(2)).unwrap();
        areas.extend([single, group].map(|frame| frame.number() / 512));
    }
    assert_eq!(areas.len(), 2 * CPUS, "there are six areas");
}

#[test]
fn metadata_that_is_too_short_is_refused() {
    let mut bytes = [0; 4096];
    let needed = metadata_size(1 << 20, 1);
    let refused = FrameAllocator::new(frames(0..1 << 20), 1, &mut bytes).map(|_| ());
    assert_eq!(refused, Err(SetupError::Metadata { needed, given: 4096 }));
    let refused = FrameAllocator::new(frames(0..usize::MAX), 1, &mut bytes).map(|_| ());
    assert!(matches!(refused, Err(SetupError::Metadata { .. })), "{refused:?}");
    let refused = FrameAllocator::new(frames(9..9), 1, &mut bytes).map(|_| ());
    assert_eq!(refused, Err(SetupError::NoFrames));
}

#[test]
fn the_size_that_is_told_is_enough_wherever_the_bytes_begin() {
    for (first, count) in [(0, 1), (511, 513), (1, 512), (7, 40_000)] {
        let mut bytes = vec![0; metadata_size(count, 2) + 64];
        for from in [0, 1, 63] {
            let bytes = &mut bytes[from..][..metadata_size(count, 2)];
            let allocator = FrameAllocator::new(frames(first..first + count), 2, bytes).unwrap();
            allocator.release(frames(first..first + count)).unwrap();
            assert_eq!(allocator.stats().free, count);
        }
    }
}

#[test]
fn a_fault_is_found() {
    let mut bytes = metadata();
    let from = bytes.as_ptr().align_offset(128);
    let allocator = allocator(&mut bytes);
    allocator.release(frames(FIRST..FIRST + FRAMES)).unwrap();
    assert_eq!(allocator.check(), Ok(()));
    // There are six areas, and one zone of their words.
    let (wholes, notes) = (from + 6 * 64, from + 8 * 64);
    assert_eq!(bytes[from] & 1, 0, "the first frame of the area is not managed");
    // SAFETY: nobody writes to the bytes while the arena is used.
    let look = |bytes: &mut [u8]| {
        let base = std::ptr::NonNull::from(&mut bytes[from..]).cast();
        // SAFETY: as above; the bytes are aligned to 128.
        let arena = unsafe { Bytes::new(base, bytes.len() - from) };
        FrameAllocator::over(arena, frames(FIRST..FIRST + FRAMES), CPUS).unwrap().check()
    };
    bytes[notes] = 0xf2;
    assert_eq!(look(&mut bytes), Err(FrameFault::Denied(Frame::new(3 * 512), 2)));
    bytes[notes] = 0xff;
    bytes[from] |= 1;
    assert_eq!(look(&mut bytes), Err(FrameFault::Stray(Frame::new(3 * 512))));
    bytes[from] &= !1;
    assert_eq!(look(&mut bytes), Ok(()));
    bytes[from + 256 / 8] |= 1;
    assert_eq!(look(&mut bytes), Err(FrameFault::Twice(Frame::new(3 * 512 + 256))));
    bytes[from + 256 / 8] &= !1;
    bytes[wholes + 63] |= 0x80;
    let found = look(&mut bytes);
    assert!(matches!(found, Err(FrameFault::Stray(_))), "{found:?}");
}

#[test]
fn threads_never_have_the_same_frame() {
    let mut bytes = metadata();
    let allocator = allocator(&mut bytes);
    allocator.release(frames(FIRST..FIRST + FRAMES)).unwrap();
    let taken = (0..FRAMES).map(|_| AtomicBool::new(false)).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (allocator, taken) = (&allocator, &taken);
            scope.spawn(move || churn(allocator, taken, thread));
        }
    });
    assert_eq!(allocator.stats().free, FRAMES);
    assert_eq!(allocator.check(), Ok(()));
    let all = allocator.on(0).allocate(Request::count(FRAMES));
    assert_eq!(all, Ok(Frame::new(FIRST)), "all that was freed can be had at once");
}

/// Takes and frees frames and runs of them, until some 100,000 were taken.
fn churn(allocator: &FrameAllocator<impl Arena>, taken: &[AtomicBool], thread: usize) {
    let mut random = thread as u64 + 1;
    let mut next = move || {
        random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (random >> 33) as usize
    };
    let each = |block: &Range<usize>, has: bool| {
        for frame in block.clone() {
            assert_eq!(taken[frame - FIRST].swap(has, AcqRel), !has, "frame {frame:#x}");
        }
    };
    let mut blocks: Vec<Range<usize>> = Vec::new();
    for _ in 0..40_000 {
        // A thread may run on any processor, and two of them on one.
        let cpu = allocator.on(next() % CPUS);
        let request = match next() % 8 {
            0 => Request::count(1 + next() % 150),
            1 => Request::order((next() % 10) as u32),
            2 => Request::order(2).below(Frame::new(FIRST + FRAMES / 2)),
            _ => Request::ONE,
        };
        if let Ok(first) = cpu.allocate(request) {
            let block = first.number()..first.number() + request.frames();
            each(&block, true);
            blocks.push(block);
        }
        while blocks.len() > 60 || (next() % 3 == 0 && !blocks.is_empty()) {
            let block = blocks.swap_remove(next() % blocks.len());
            each(&block, false);
            cpu.free(Frame::new(block.start), block.len()).unwrap();
        }
    }
    for block in blocks {
        each(&block, false);
        allocator.on(thread).free(Frame::new(block.start), block.len()).unwrap();
    }
}

/// The words of an allocator that is interrupted before one of its accesses, by a handler that
/// uses it as well.
struct Interrupted {
    words: Vec<AtomicUsize>,
    /// Accesses before the handler is called; it is not any more below 0.
    left: AtomicIsize,
    handler: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl Arena for &'static Interrupted {
    type A = Native;

    fn word(&self, at: Offset) -> &AtomicUsize {
        if self.left.fetch_sub(1, AcqRel) == 0 {
            self.handler.get().expect("there is one before it counts")();
        }
        &self.words[at.get() / size_of::<usize>()]
    }
}

/// What is interrupted: allocations of all kinds, where little is free.
fn interruptible(cpu: OnCpu<'_, &'static Interrupted>) -> Vec<Range<usize>> {
    let orders = [0, 0, 1, 6, 8].map(Request::order);
    let requests = orders.into_iter().chain([Request::count(40), Request::order(6)]);
    let mut taken = Vec::new();
    for request in requests {
        if let Ok(first) = cpu.allocate(request) {
            taken.push(first.number()..first.number() + request.frames());
        }
    }
    if let Some(block) = taken.pop() {
        cpu.free(Frame::new(block.start), block.len()).unwrap();
    }
    taken
}

#[test]
fn interrupt_handlers_allocate_and_free_wherever_they_interrupt() {
    interrupted_everywhere(FEW);
}

#[test]
fn interrupt_handlers_may_come_while_frames_are_taken_together() {
    interrupted_everywhere(1);
}

/// An interrupt handler that needs a word cut, each time, does not keep others from having it.
#[test]
fn whole_words_can_be_had_while_a_handler_comes_before_each_access() {
    const HUGE: usize = 512;
    let (shared, allocator) = interrupted(Frame::new(0)..Frame::new(HUGE));
    (0..HUGE).for_each(|frame| allocator.release(frames(frame..frame + 1)).unwrap());
    let handler = move || {
        if let Ok(first) = allocator.on(0).allocate(Request::order(3)) {
            allocator.on(0).free(first, 8).unwrap();
        }
        shared.left.store(0, Release);
    };
    assert!(shared.handler.set(Box::new(handler)).is_ok());
    shared.left.store(0, Release);
    for order in [6, 9, 7, 9] {
        let first = allocator.on(0).allocate(Request::order(order)).expect("all are free");
        allocator.on(0).free(first, 1 << order).unwrap();
    }
    shared.left.store(isize::MAX, Release);
    assert_eq!((allocator.stats().free, allocator.check()), (HUGE, Ok(())));
}

/// An allocator of frames, none of which is free, that can be interrupted.
fn interrupted(
    span: Range<Frame>,
) -> (&'static Interrupted, &'static FrameAllocator<&'static Interrupted>) {
    let count = span.end.number() - span.start.number();
    let words = 0..metadata_size(count, 1).div_ceil(size_of::<usize>());
    let shared: &'static Interrupted = Box::leak(Box::new(Interrupted {
        words: words.map(|_| AtomicUsize::new(0)).collect(),
        left: AtomicIsize::new(isize::MAX),
        handler: OnceLock::new(),
    }));
    (shared, Box::leak(Box::new(FrameAllocator::over(shared, span, 1).unwrap())))
}

/// Frames of an allocator that is interrupted.
const FEW: usize = 1100;

/// Interrupts allocations before each access, where frames were released `by` so many.
fn interrupted_everywhere(by: usize) {
    for left in 0.. {
        let (shared, allocator) = interrupted(Frame::new(100)..Frame::new(100 + FEW));
        let parts = (100..100 + FEW).step_by(by);
        parts.for_each(|first| allocator.release(frames(first..first + by)).unwrap());
        let theirs = &*Box::leak(Box::new(Mutex::new(Vec::new())));
        let handler = move || theirs.lock().unwrap().extend(interruptible(allocator.on(0)));
        assert!(shared.handler.set(Box::new(handler)).is_ok());
        shared.left.store(left, Release);
        let mut ours = interruptible(allocator.on(0));
        let came = shared.left.swap(isize::MAX, AcqRel) < 0;
        ours.append(&mut theirs.lock().unwrap());
        let in_use = ours.iter().map(Range::len).sum::<usize>();
        assert_eq!(ours.iter().cloned().flatten().collect::<BTreeSet<_>>().len(), in_use);
        assert_eq!(allocator.stats().free, FEW - in_use);
        assert_eq!(allocator.check(), Ok(()));
        if !came {
            assert!(left > 100, "interrupted {left} times");
            return;
        }
    }
}
