//! `ShmVec` and `ShmBox` against `Vec`:
//!
//! - any sequence of calls gives what `Vec` gives, also where allocations fail
//!   at any point, and where the heap changes its address in between;
//! - every element is dropped once, every block freed once.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::sync::atomic::{AtomicIsize, Ordering};

use anymem_core::container::vec::OpenVec;
use anymem_core::container::{ContainerError, ShmBox, ShmSafe, ShmString, ShmVec, Trace};
use anymem_core::offset::AllocatorId;
use common::TestHeap;
use proptest::prelude::*;

/// Elements alive at the moment, in all tests of this file that use them: each
/// test asserts a difference under its own lock.
static ALIVE: AtomicIsize = AtomicIsize::new(0);
static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());

#[derive(Debug, PartialEq, ShmSafe)]
#[shm_safe(crate = anymem_core)]
#[repr(C)]
struct Counted(u32);

impl Counted {
    fn new(value: u32) -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self(value)
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug, Clone)]
enum Op {
    Push(u32),
    Pop,
    Insert(usize, u32),
    Remove(usize),
    SwapRemove(usize),
    Truncate(usize),
    Clear,
    Reserve(usize),
    Shrink,
    Extend(Vec<u32>),
    Retain(u32),
    Dedup(u32),
    Drain(usize, usize, usize),
    Splice(usize, usize, Vec<u32>),
    SplitOff(usize),
    Resize(usize, u32),
    ExtendFromWithin(usize, usize),
    Open(Vec<OpenOp>),
    Relocate,
    FailAfter(usize),
}

/// What is done to a vector that is open.
#[derive(Debug, Clone)]
enum OpenOp {
    Push(u32),
    Pop,
    Truncate(usize),
    Clear,
    Reserve(usize),
    Extend(Vec<u32>),
    ExtendFromSlice(Vec<u32>),
    Swap(usize, usize),
}

fn open_op() -> impl Strategy<Value = OpenOp> {
    let values = || prop::collection::vec(any::<u32>(), 0..20);
    prop_oneof![
        6 => any::<u32>().prop_map(OpenOp::Push),
        2 => Just(OpenOp::Pop),
        1 => (0..40_usize).prop_map(OpenOp::Truncate),
        1 => Just(OpenOp::Clear),
        1 => (0..100_usize).prop_map(OpenOp::Reserve),
        1 => values().prop_map(OpenOp::Extend),
        1 => values().prop_map(OpenOp::ExtendFromSlice),
        1 => (0..40_usize, 0..40_usize).prop_map(|(a, b)| OpenOp::Swap(a, b)),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => any::<u32>().prop_map(Op::Push),
        2 => Just(Op::Pop),
        2 => (0..40_usize, any::<u32>()).prop_map(|(at, value)| Op::Insert(at, value)),
        2 => (0..40_usize).prop_map(Op::Remove),
        2 => (0..40_usize).prop_map(Op::SwapRemove),
        1 => (0..40_usize).prop_map(Op::Truncate),
        1 => Just(Op::Clear),
        1 => (0..100_usize).prop_map(Op::Reserve),
        1 => Just(Op::Shrink),
        1 => prop::collection::vec(any::<u32>(), 0..20).prop_map(Op::Extend),
        1 => (2..5_u32).prop_map(Op::Retain),
        1 => (2..5_u32).prop_map(Op::Dedup),
        2 => (0..40_usize, 0..20_usize, 0..5_usize).prop_map(|(a, b, c)| Op::Drain(a, b, c)),
        2 => (0..40_usize, 0..20_usize, prop::collection::vec(any::<u32>(), 0..10))
            .prop_map(|(at, len, with)| Op::Splice(at, len, with)),
        1 => (0..40_usize).prop_map(Op::SplitOff),
        1 => (0..60_usize, any::<u32>()).prop_map(|(len, value)| Op::Resize(len, value)),
        1 => (0..40_usize, 0..20_usize).prop_map(|(at, len)| Op::ExtendFromWithin(at, len)),
        3 => prop::collection::vec(open_op(), 0..12).prop_map(Op::Open),
        1 => Just(Op::Relocate),
        2 => (0..3_usize).prop_map(Op::FailAfter),
    ]
}

/// Whether a call was done; a failed allocation is the only excuse.
fn done<R>(result: Result<R, ContainerError>) -> Option<R> {
    match result {
        Ok(value) => Some(value),
        Err(ContainerError::Alloc(_)) => None,
        Err(other) => panic!("{other}"),
    }
}

/// What a call with an index must answer.
fn at<R>(index: usize, len: usize, result: Result<R, ContainerError>) -> Option<R> {
    if index < len {
        return done(result);
    }
    assert_eq!(result.err(), Some(ContainerError::OutOfBounds { index, len }));
    None
}

/// Runs one call on both; elements are made and read by the two functions.
fn apply<T: ShmSafe + Clone>(
    op: &Op,
    heap: &mut TestHeap,
    vec: &mut ShmVec<T>,
    model: &mut Vec<u32>,
    make: &impl Fn(u32, &TestHeap) -> Option<T>,
    read: &impl Fn(&T) -> u32,
) {
    let len = model.len();
    match op {
        Op::Push(value) => {
            if make(*value, heap).and_then(|made| done(vec.push(made))).is_some() {
                model.push(*value);
            }
        }
        Op::Pop => assert_eq!(vec.pop().unwrap().map(|got| read(&got)), model.pop()),
        Op::Insert(index, value) => {
            let Some(made) = make(*value, heap) else { return };
            if at(*index, len + 1, fix_len(vec.insert(*index, made))).is_some() {
                model.insert(*index, *value);
            }
        }
        Op::Remove(index) => {
            if let Some(got) = at(*index, len, vec.remove(*index)) {
                assert_eq!(read(&got), model.remove(*index));
            }
        }
        Op::SwapRemove(index) => {
            if let Some(got) = at(*index, len, vec.swap_remove(*index)) {
                assert_eq!(read(&got), model.swap_remove(*index));
            }
        }
        Op::Truncate(len) => {
            vec.truncate(*len).unwrap();
            model.truncate(*len);
        }
        Op::Clear => {
            vec.clear().unwrap();
            model.clear();
        }
        Op::Reserve(more) => {
            if done(vec.reserve(*more)).is_some() {
                assert!(vec.capacity() >= len + more);
            }
        }
        Op::Shrink => {
            if done(vec.shrink_to_fit()).is_some() {
                assert_eq!(vec.capacity(), len);
            }
        }
        Op::Extend(values) => {
            let made: Option<Vec<T>> = values.iter().map(|&value| make(value, heap)).collect();
            let Some(made) = made else { return };
            if done(vec.extend_from_slice(&made)).is_some() {
                model.extend(values);
            }
        }
        Op::Retain(divisor) => {
            vec.retain(|element| !read(element).is_multiple_of(*divisor)).unwrap();
            model.retain(|value| value % divisor != 0);
        }
        Op::Dedup(divisor) => {
            vec.dedup_by_key(|element| read(element) % divisor).unwrap();
            model.dedup_by_key(|value| *value % divisor);
        }
        Op::Drain(first, count, taken) => {
            let range = *first..first + count;
            if range.end > len {
                let index = if *first > len { *first } else { range.end };
                assert_eq!(
                    vec.drain(range).err(),
                    Some(ContainerError::OutOfBounds { index, len })
                );
                return;
            }
            let mut got = vec.drain(range.clone()).unwrap();
            let mut expected = model.drain(range);
            for turn in 0..*taken {
                let (one, two) = if turn % 2 == 0 {
                    (got.next(), expected.next())
                } else {
                    (got.next_back(), expected.next_back())
                };
                assert_eq!(one.as_ref().map(read), two);
            }
            assert_eq!(got.len(), expected.len());
        }
        Op::Splice(first, count, with) => {
            let made: Option<Vec<T>> = with.iter().map(|&value| make(value, heap)).collect();
            let (Some(made), end) = (made, first + count) else { return };
            if end > len {
                let error = vec.splice(*first..end, made).err();
                assert!(matches!(error, Some(ContainerError::OutOfBounds { .. })));
            } else if let Some(gone) = done(vec.splice(*first..end, made)) {
                let expected: Vec<u32> = model.splice(*first..end, with.iter().copied()).collect();
                assert_eq!(gone.into_iter().map(|it| read(&it)).collect::<Vec<_>>(), expected);
            }
        }
        Op::SplitOff(index) => {
            let Some(mut tail) = at(*index, len + 1, fix_len(vec.split_off(*index))) else {
                return;
            };
            let mut expected = model.split_off(*index);
            assert!(tail.iter().unwrap().map(read).eq(expected.iter().copied()));
            assert_eq!(vec.len(), *index);
            heap.never_fail();
            vec.append(&mut tail).unwrap();
            model.append(&mut expected);
            assert!(tail.is_empty());
        }
        Op::Resize(new, value) => {
            let Some(made) = make(*value, heap) else { return };
            if done(vec.resize(*new, made)).is_some() {
                model.resize(*new, *value);
            }
        }
        Op::ExtendFromWithin(first, count) => {
            if first + count <= len && done(vec.extend_from_within(*first..first + count)).is_some()
            {
                model.extend_from_within(*first..first + count);
            }
        }
        Op::Open(ops) => {
            let mut open = vec.open().unwrap();
            for op in ops {
                apply_open(op, heap, &mut open, model, make, read);
                assert_eq!(open.iter().map(read).collect::<Vec<_>>(), *model, "after {op:?}");
                assert!(open.capacity() >= model.len());
            }
        }
        Op::Relocate => heap.relocate(),
        Op::FailAfter(n) => heap.fail_after(*n),
    }
}

fn apply_open<T: ShmSafe + Clone>(
    op: &OpenOp,
    heap: &TestHeap,
    vec: &mut OpenVec<'_, T>,
    model: &mut Vec<u32>,
    make: &impl Fn(u32, &TestHeap) -> Option<T>,
    read: &impl Fn(&T) -> u32,
) {
    let made = |values: &[u32]| values.iter().map(|&it| make(it, heap)).collect::<Option<Vec<_>>>();
    match op {
        OpenOp::Push(value) => {
            if make(*value, heap).and_then(|made| done(vec.push(made))).is_some() {
                model.push(*value);
            }
        }
        OpenOp::Pop => assert_eq!(vec.pop().map(|got| read(&got)), model.pop()),
        OpenOp::Truncate(len) => {
            vec.truncate(*len);
            model.truncate(*len);
        }
        OpenOp::Clear => {
            vec.clear();
            model.clear();
        }
        OpenOp::Reserve(more) => {
            if done(vec.reserve(*more)).is_some() {
                assert!(vec.capacity() >= model.len() + more);
            }
        }
        OpenOp::Extend(values) => {
            let Some(made) = made(values) else { return };
            let (before, all) = (model.len(), done(vec.extend(made)).is_some());
            // Those before the one that there was no room for.
            let added = vec.len() - before;
            assert!(if all { added == values.len() } else { added < values.len() });
            model.extend(&values[..added]);
        }
        OpenOp::ExtendFromSlice(values) => {
            let Some(made) = made(values) else { return };
            if done(vec.extend_from_slice(&made)).is_some() {
                model.extend(values);
            }
        }
        OpenOp::Swap(a, b) => {
            if *a.max(b) < model.len() {
                vec.swap(*a, *b);
                model.swap(*a, *b);
            }
        }
    }
}

/// `insert` may also go to the end, so its error names one position less.
fn fix_len<R>(result: Result<R, ContainerError>) -> Result<R, ContainerError> {
    result.map_err(|error| match error {
        ContainerError::OutOfBounds { index, len } => {
            ContainerError::OutOfBounds { index, len: len + 1 }
        }
        other => other,
    })
}

fn run<T: ShmSafe + Clone>(
    ops: &[Op],
    make: impl Fn(u32, &TestHeap) -> Option<T>,
    read: impl Fn(&T) -> u32,
) {
    let mut heap = TestHeap::new(1 << 16);
    let mut model = Vec::new();
    let mut vec = ShmVec::new_in(&*heap as &dyn anymem_core::allocator::Allocator);
    for op in ops {
        apply(op, &mut heap, &mut vec, &mut model, &make, &read);
        vec.check().unwrap();
        let found: Vec<u32> = vec.iter().unwrap().map(&read).collect();
        assert_eq!(found, model, "after {op:?}");
        assert_eq!(vec.len(), model.len());
    }
    drop(vec);
    heap.assert_empty();
}

proptest! {
    #[test]
    fn numbers_as_in_vec(ops in prop::collection::vec(op(), 0..60)) {
        run(&ops, |value, _| Some(value), |value| *value);
    }

    #[test]
    fn droppable_elements_as_in_vec(ops in prop::collection::vec(op(), 0..60)) {
        let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poison| poison.into_inner());
        let before = ALIVE.load(Ordering::Relaxed);
        run(&ops, |value, _| Some(Counted::new(value)), |element| element.0);
        prop_assert_eq!(ALIVE.load(Ordering::Relaxed), before);
    }

    #[test]
    fn vectors_of_strings_as_in_vec(ops in prop::collection::vec(op(), 0..40)) {
        // A type that is `Clone` only to fit the test; shares nothing.
        #[derive(ShmSafe)]
        #[shm_safe(crate = anymem_core)]
        #[repr(transparent)]
        struct Text(ShmString);
        impl Clone for Text {
            fn clone(&self) -> Self {
                let short = self.0.as_str().unwrap().trim_start_matches('0');
                let mut clone = ShmString::with_heap_id(self.0.heap_id());
                clone.push_str(short).unwrap();
                Self(clone)
            }
        }
        // Long enough for a block of its own in the heap.
        let make = |value: u32, heap: &TestHeap| {
            done(ShmString::from_str_in(&format!("{value:040}"), &**heap)).map(Text)
        };
        run(&ops, make, |text| text.0.as_str().unwrap().trim_start_matches('0').parse().unwrap_or(0));
    }
}

#[test]
fn grows_amortised() {
    let heap = TestHeap::new(1 << 20);
    let mut vec = ShmVec::new_in(&*heap);
    for value in 0..50_000_u64 {
        vec.push(value).unwrap();
    }
    assert!(heap.allocations() < 20, "{} allocations", heap.allocations());
    assert_eq!(vec.as_slice().unwrap(), (0..50_000).collect::<Vec<u64>>());
}

#[test]
fn nests_and_moves_between_addresses() {
    let mut heap = TestHeap::new(1 << 16);
    let mut rows = ShmBox::new_in(ShmVec::new_in(&*heap), &*heap).unwrap();
    for row in 0..10_u32 {
        let numbers: Vec<u32> = (0..row).collect();
        let row = ShmVec::from_slice_in(&numbers, &*heap).unwrap();
        rows.get_mut().unwrap().push(row).unwrap();
        heap.relocate();
    }
    let sum: u32 = rows.get().unwrap().iter().unwrap().flat_map(|row| row.iter().unwrap()).sum();
    assert_eq!(sum, (0..10).map(|row| (0..row).sum::<u32>()).sum());
    let owned = rows.into_inner().unwrap();
    assert_eq!(owned.get(3).unwrap().unwrap(), [0, 1, 2].as_slice());
    drop(owned);
    heap.assert_empty();
}

#[test]
fn boxes_are_handed_over_as_offsets() {
    let mut heap = TestHeap::new(1 << 12);
    let sent = ShmBox::new_in(41_u64, &*heap).unwrap().into_shm_ptr();
    heap.relocate();
    // SAFETY: `sent` came from a box of that type, and is taken once.
    let mut received = unsafe { ShmBox::from_shm_ptr(sent) }.unwrap();
    *received.get_mut().unwrap() += 1;
    assert_eq!(*received.get().unwrap(), 42);
    assert_eq!(format!("{received:?}"), "42");
    drop(received);
    heap.assert_empty();
}

#[test]
fn an_unattached_heap_is_an_error_and_dropping_leaks() {
    let mut heap = TestHeap::new(1 << 12);
    let id = anymem_core::allocator::Allocator::id(&*heap);
    let missing = ContainerError::NotAttached(id);
    let mut vec = ShmVec::from_slice_in(&[1_u8, 2, 3], &*heap).unwrap();
    let boxed = ShmBox::new_in(7_u8, &*heap).unwrap();
    heap.detach();
    assert_eq!(vec.as_slice(), Err(missing));
    assert_eq!(vec.push(4), Err(missing));
    assert_eq!(vec.pop(), Err(missing));
    assert_eq!(vec.remove(0), Err(missing));
    assert_eq!(vec.clear(), Err(missing));
    assert_eq!(vec.open().err(), Some(missing));
    assert_eq!(vec.len(), 3);
    assert_eq!(boxed.get(), Err(missing));
    assert_eq!(boxed.into_inner(), Err(missing));
    assert_eq!(format!("{vec:?}"), format!("<{missing}>"));
    assert_eq!(ShmBox::new_in(1_u8, &*heap).err(), Some(missing));
    drop(vec);
    heap.attach();
    assert_eq!(heap.live_blocks(), 2, "both leaked");
    assert_eq!(heap.bad_frees(), 0);
}

#[test]
fn a_panicking_predicate_loses_no_kept_element() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poison| poison.into_inner());
    let heap = TestHeap::new(1 << 12);
    let before = ALIVE.load(Ordering::Relaxed);
    let mut vec = ShmVec::new_in(&*heap);
    vec.extend((0..10).map(Counted::new)).unwrap();
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        vec.retain(|element| {
            assert_ne!(element.0, 5, "stop here");
            element.0 % 2 == 0
        })
    }));
    assert!(outcome.is_err());
    let left: Vec<_> = vec.iter().unwrap().map(|element| element.0).collect();
    assert_eq!(left, [0, 2, 4, 5, 6, 7, 8, 9]);
    drop(vec);
    assert_eq!(ALIVE.load(Ordering::Relaxed), before);
    heap.assert_empty();
}

#[test]
fn absurd_sizes_are_errors() {
    let heap = TestHeap::new(1 << 12);
    let mut vec: ShmVec<u64> = ShmVec::new_in(&*heap);
    for more in [usize::MAX, usize::MAX / 8, isize::MAX as usize, 1 << 20] {
        assert!(matches!(vec.reserve(more), Err(ContainerError::Alloc(_))), "{more}");
        assert!(ShmVec::<u64>::with_capacity_in(more, &*heap).is_err());
    }
    vec.push(1).unwrap();
    assert!(vec.reserve(usize::MAX).is_err());
    assert_eq!(vec.as_slice().unwrap(), [1]);
    let nowhere: ShmVec<u64> = ShmVec::with_heap_id(AllocatorId::NULL);
    assert!(nowhere.as_slice().unwrap().is_empty());
}

#[test]
fn a_box_gets_another_value() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poison| poison.into_inner());
    let heap = TestHeap::new(1 << 12);
    let before = ALIVE.load(Ordering::Relaxed);
    let mut boxed = ShmBox::new_in(Counted::new(1), &*heap).unwrap();
    assert_eq!(boxed.replace(Counted::new(2)).unwrap().0, 1);
    heap.fail_after(0);
    assert!(matches!(boxed.replace(Counted::new(3)), Err(ContainerError::Alloc(_))));
    heap.never_fail();
    assert_eq!(boxed.get().unwrap().0, 2);
    assert_eq!(ALIVE.load(Ordering::Relaxed), before + 1);
    drop(boxed);
    assert_eq!(ALIVE.load(Ordering::Relaxed), before);
    heap.assert_empty();
}

/// What a process leaves that died while it moved elements, by hand: heap id,
/// place, capacity, length, and where the gap is and how long.
#[test]
fn a_gap_is_closed_by_the_next_change() {
    const MOVING: usize = 1 << (usize::BITS - 1);
    let heap = TestHeap::new(1 << 12);
    let left = |end: usize, gap: [usize; 2]| {
        let mut vec = ShmVec::from_slice_in(&[1_u32, 2, 3, 4, 5], &*heap).unwrap();
        let words = (&raw mut vec).cast::<u8>();
        // SAFETY: the words of a vector behind its heap's id; any bits are some.
        unsafe { words.add(8).cast::<[usize; 5]>().as_mut() }.unwrap()[2..].copy_from_slice(&[
            MOVING | end,
            gap[0],
            gap[1],
        ]);
        vec
    };
    // A gap in the midst, at the end, and none; the last one to go to the first.
    let cases: [(usize, [usize; 2], &[u32]); 5] = [
        (5, [1, 2], &[1, 4, 5]),
        (5, [4, 1], &[1, 2, 3, 4]),
        (5, [2, 0], &[1, 2, 3, 4, 5]),
        (4, [0, 1], &[2, 3, 4]),
        (5, [0, MOVING], &[5, 2, 3, 4]),
    ];
    for (end, gap, expected) in cases {
        let mut vec = left(end, gap);
        assert_eq!(vec.as_slice(), Err(ContainerError::HalfChanged));
        assert_eq!(vec.len(), expected.len());
        vec.settle(1);
        assert_eq!(vec, *expected);
        let mut vec = left(end, gap);
        vec.push(9).unwrap();
        assert_eq!(vec.pop(), Ok(Some(9)));
        assert_eq!(vec, *expected);
        let mut vec = left(end, gap);
        assert_eq!(vec.pop(), Ok(expected.last().copied()));
        assert_eq!(left(end, gap).as_mut_slice().unwrap(), expected);
        assert_eq!(*left(end, gap).open().unwrap(), *expected);
    }
    for (end, gap) in [(5, [5, 1]), (5, [usize::MAX, 2]), (6, [0, 0]), (5, [6, MOVING])] {
        let mut vec = left(end, gap);
        assert_eq!(vec.as_mut_slice(), Err(ContainerError::Corrupt));
        assert_eq!(vec.push(1), Err(ContainerError::Corrupt));
        assert_eq!(vec.open().err(), Some(ContainerError::Corrupt));
    }
}

#[test]
fn what_an_open_vector_is_told_the_vector_knows() {
    // So there is nothing that forgetting it, or a death, could leave undone.
    assert!(!std::mem::needs_drop::<OpenVec<'_, Counted>>());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poison| poison.into_inner());
    let (heap, before) = (TestHeap::new(1 << 12), ALIVE.load(Ordering::Relaxed));
    let mut vec = ShmVec::new_in(&*heap);
    let mut open = vec.open().unwrap();
    open.extend((0..20).map(Counted::new)).unwrap();
    open.truncate(12);
    assert_eq!(open.pop().unwrap().0, 11);
    open[3].0 = 33;
    assert_eq!(ALIVE.load(Ordering::Relaxed), before + 11);
    let found: Vec<u32> = vec.iter().unwrap().map(|element| element.0).collect();
    assert_eq!(found, [0, 1, 2, 33, 4, 5, 6, 7, 8, 9, 10]);
    drop(vec);
    assert_eq!(ALIVE.load(Ordering::Relaxed), before);
    heap.assert_empty();
}

#[test]
fn a_push_that_finds_no_room_leaves_an_open_vector_whole() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poison| poison.into_inner());
    let (heap, before) = (TestHeap::new(1 << 12), ALIVE.load(Ordering::Relaxed));
    let mut vec = ShmVec::new_in(&*heap);
    let mut open = vec.open().unwrap();
    let pushed = (0..).take_while(|&it| open.push(Counted::new(it)).is_ok()).count();
    assert_eq!((open.len(), open.capacity()), (pushed, pushed));
    assert!(matches!(open.push(Counted::new(0)), Err(ContainerError::Alloc(_))));
    assert!(matches!(open.extend_from_slice(&[Counted::new(0)]), Err(ContainerError::Alloc(_))));
    assert_eq!(ALIVE.load(Ordering::Relaxed), before + pushed as isize);
    open.pop();
    open.push(Counted::new(7)).unwrap();
    assert!(open[..pushed - 1].iter().map(|it| it.0).eq(0..pushed as u32 - 1));
    assert_eq!(vec.len(), pushed);
    drop(vec);
    assert_eq!(ALIVE.load(Ordering::Relaxed), before);
    heap.assert_empty();
}

#[test]
fn a_drain_that_is_forgotten_has_removed_its_elements() {
    let heap = TestHeap::new(1 << 12);
    let mut vec = ShmVec::from_slice_in(&[1, 2, 3, 4, 5_u32], &*heap).unwrap();
    std::mem::forget(vec.drain(1..3).unwrap());
    assert_eq!(vec.as_slice(), Err(ContainerError::HalfChanged));
    assert_eq!(vec.len(), 3);
    vec.push(6).unwrap();
    assert_eq!(vec, [1, 4, 5, 6]);
}

#[test]
fn elements_are_moved_out() {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(|poison| poison.into_inner());
    let (heap, before) = (TestHeap::new(1 << 12), ALIVE.load(Ordering::Relaxed));
    let vec = ShmVec::from_iter_in((0..9).map(Counted::new), &*heap).unwrap();
    let mut all = vec.into_iter();
    assert_eq!((all.next().unwrap().0, all.next_back().unwrap().0, all.len()), (0, 8, 7));
    drop(all);
    assert_eq!(ALIVE.load(Ordering::Relaxed), before);
    heap.assert_empty();
}

/// A list whose links take no more room than a box does.
#[test]
fn boxes_that_may_be_missing() {
    #[derive(ShmSafe)]
    #[shm_safe(crate = anymem_core)]
    #[repr(C)]
    struct Node {
        value: u32,
        #[shm_safe(recursive)]
        next: Option<ShmBox<Node>>,
    }
    assert_eq!(size_of::<Option<ShmBox<Node>>>(), size_of::<ShmBox<Node>>());
    let mut heap = TestHeap::new(1 << 12);
    let mut first = None;
    for value in 0..5 {
        first = Some(ShmBox::new_in(Node { value, next: first }, &*heap).unwrap());
    }
    heap.relocate();
    let (mut next, mut seen) = (first.as_ref(), Vec::new());
    while let Some(node) = next {
        let node = node.get().unwrap();
        seen.push(node.value);
        next = node.next.as_ref();
    }
    assert_eq!(seen, [4, 3, 2, 1, 0]);
    drop(first);
    heap.assert_empty();
}
