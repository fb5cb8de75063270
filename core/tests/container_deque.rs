//! `ShmDeque` against `VecDeque`:
//!
//! - any sequence of calls gives what `VecDeque` gives, also where allocations
//!   fail at any point, and where the heap changes its address in between;
//! - every element is dropped once, every block freed once.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use anymem_core::allocator::Allocator;
use anymem_core::container::{ContainerError, ShmDeque, ShmSafe, ShmString, Trace};
use common::TestHeap;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    PushBack(u32),
    PushFront(u32),
    PopBack,
    PopFront,
    Insert(usize, u32),
    Remove(usize),
    Truncate(usize),
    Reserve(usize),
    Shrink,
    Extend(Vec<u32>),
    Append(Vec<u32>),
    Retain(u32),
    Drain(usize, usize, usize),
    Contiguous,
    Relocate,
    FailAfter(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let numbers = || prop::collection::vec(any::<u32>(), 0..20);
    prop_oneof![
        6 => any::<u32>().prop_map(Op::PushBack),
        6 => any::<u32>().prop_map(Op::PushFront),
        3 => Just(Op::PopBack),
        3 => Just(Op::PopFront),
        3 => (0..40_usize, any::<u32>()).prop_map(|(at, value)| Op::Insert(at, value)),
        3 => (0..40_usize).prop_map(Op::Remove),
        1 => (0..40_usize).prop_map(Op::Truncate),
        1 => (0..100_usize).prop_map(Op::Reserve),
        2 => Just(Op::Shrink),
        1 => numbers().prop_map(Op::Extend),
        1 => numbers().prop_map(Op::Append),
        1 => (2..5_u32).prop_map(Op::Retain),
        1 => (0..20_usize, 0..20_usize, 0..8_usize).prop_map(|(a, b, c)| Op::Drain(a, b, c)),
        2 => Just(Op::Contiguous),
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

/// How elements are made and read.
trait Element: ShmSafe {
    fn make(value: u32, heap: &TestHeap) -> Option<Self>;
    fn read(&self) -> u32;
}

impl Element for u32 {
    fn make(value: u32, _: &TestHeap) -> Option<Self> {
        Some(value)
    }
    fn read(&self) -> u32 {
        *self
    }
}

/// Long enough for a block, which is freed once or the heap tells.
impl Element for ShmString {
    fn make(value: u32, heap: &TestHeap) -> Option<Self> {
        done(ShmString::from_str_in(&format!("{value:040}"), &**heap))
    }
    fn read(&self) -> u32 {
        self.as_str().unwrap().parse().unwrap()
    }
}

fn apply<T: Element>(
    op: &Op,
    heap: &mut TestHeap,
    deque: &mut ShmDeque<T>,
    model: &mut VecDeque<u32>,
) {
    let len = model.len();
    let make_all = |values: &[u32], heap: &TestHeap| {
        values.iter().map(|&value| T::make(value, heap)).collect::<Option<Vec<T>>>()
    };
    match op {
        Op::PushBack(value) => {
            let made = T::make(*value, heap);
            if made.and_then(|made| done(deque.push_back(made))).is_some() {
                model.push_back(*value);
            }
        }
        Op::PushFront(value) => {
            let made = T::make(*value, heap);
            if made.and_then(|made| done(deque.push_front(made))).is_some() {
                model.push_front(*value);
            }
        }
        Op::PopBack => {
            assert_eq!(deque.pop_back().unwrap().map(|got| got.read()), model.pop_back());
        }
        Op::PopFront => {
            assert_eq!(deque.pop_front().unwrap().map(|got| got.read()), model.pop_front());
        }
        Op::Insert(index, value) => {
            let Some(made) = T::make(*value, heap) else { return };
            let inserted = deque.insert(*index, made);
            if *index > len {
                let index = *index;
                assert_eq!(inserted, Err(ContainerError::OutOfBounds { index, len }));
            } else if done(inserted).is_some() {
                model.insert(*index, *value);
            }
        }
        Op::Remove(index) => {
            let got = deque.remove(*index).unwrap().map(|got| got.read());
            assert_eq!(got, model.remove(*index));
        }
        Op::Truncate(len) => {
            deque.truncate(*len).unwrap();
            model.truncate(*len);
        }
        Op::Reserve(more) => {
            if done(deque.reserve(*more)).is_some() {
                assert!(deque.capacity() >= len + more);
            }
        }
        Op::Shrink => {
            if done(deque.shrink_to_fit()).is_some() {
                let least = if len == 0 { 0 } else { len.next_power_of_two() };
                assert_eq!(deque.capacity(), least);
            }
        }
        Op::Extend(values) => {
            let Some(made) = make_all(values, heap) else { return };
            let before = deque.len();
            let _ = done(deque.extend(made));
            model.extend(&values[..deque.len() - before]);
        }
        Op::Append(values) => {
            let Some(made) = make_all(values, heap) else { return };
            let Some(mut other) = done(ShmDeque::from_iter_in(made, &**heap)) else { return };
            if done(deque.append(&mut other)).is_some() {
                assert!(other.is_empty());
                model.extend(values);
            }
        }
        Op::Retain(divisor) => {
            deque.retain(|element| !element.read().is_multiple_of(*divisor)).unwrap();
            model.retain(|value| value % divisor != 0);
        }
        Op::Drain(start, end, taken) => {
            if start > end || *end > len {
                assert!(matches!(
                    deque.drain(start..end).err(),
                    Some(ContainerError::OutOfBounds { .. })
                ));
                return;
            }
            let mut drain = deque.drain(start..end).unwrap();
            let mut expected = model.drain(start..end);
            assert_eq!(drain.len(), expected.len());
            for turn in 0..*taken {
                let (got, expected) = match turn % 2 {
                    0 => (drain.next(), expected.next()),
                    _ => (drain.next_back(), expected.next_back()),
                };
                assert_eq!(got.map(|got| got.read()), expected);
            }
        }
        Op::Contiguous => {
            if let Some(elements) = done(deque.make_contiguous()) {
                assert_eq!(elements.len(), len);
                assert!(deque.as_slices().unwrap().1.is_empty());
            }
        }
        Op::Relocate => heap.relocate(),
        Op::FailAfter(n) => heap.fail_after(*n),
    }
}

fn run<T: Element>(ops: &[Op]) {
    let mut heap = TestHeap::new(1 << 16);
    let mut model = VecDeque::new();
    let mut deque = ShmDeque::<T>::new_in(&*heap as &dyn Allocator);
    for op in ops {
        apply(op, &mut heap, &mut deque, &mut model);
        deque.check().unwrap();
        let found: Vec<u32> = deque.iter().unwrap().map(T::read).collect();
        assert_eq!(found, *model.make_contiguous(), "after {op:?}");
        let back: Vec<u32> = deque.iter().unwrap().rev().map(T::read).collect();
        assert!(back.iter().eq(found.iter().rev()));
        let get = |index| deque.get(index).unwrap().map(T::read);
        assert!((0..=found.len()).all(|index| get(index) == found.get(index).copied()));
        let ends = [deque.front().unwrap(), deque.back().unwrap()].map(|it| it.map(T::read));
        assert_eq!(ends, [found.first().copied(), found.last().copied()]);
        assert_eq!(deque.len(), model.len());
    }
    drop(deque);
    heap.assert_empty();
}

proptest! {
    #[test]
    fn numbers_as_in_vec_deque(ops in prop::collection::vec(op(), 0..80)) {
        run::<u32>(&ops);
    }

    #[test]
    fn texts_as_in_vec_deque(ops in prop::collection::vec(op(), 0..50)) {
        run::<ShmString>(&ops);
    }

    #[test]
    fn compares_as_vec_deque(
        a in prop::collection::vec(0..3_u8, 0..4),
        b in prop::collection::vec(0..3_u8, 0..4),
    ) {
        let heap = TestHeap::new(1 << 12);
        let [x, y] = [&a, &b].map(|numbers| {
            ShmDeque::from_iter_in(numbers.iter().copied(), &*heap).unwrap()
        });
        prop_assert_eq!(x == y, a == b);
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        prop_assert_eq!(x == *b, a == b);
        prop_assert_eq!(format!("{x:?}"), format!("{a:?}"));
    }
}

#[test]
fn elements_are_changed_in_place() {
    let heap = TestHeap::new(1 << 12);
    let mut deque = ShmDeque::from_iter_in(0..6_u32, &*heap).unwrap();
    deque.push_front(9).unwrap();
    deque.iter_mut().unwrap().rev().zip(0..).for_each(|(element, n)| *element += 10 * n);
    *deque.front_mut().unwrap().unwrap() += 1;
    *deque.back_mut().unwrap().unwrap() += 1;
    deque
        .retain_mut(|element| {
            *element += 1;
            *element != 33
        })
        .unwrap();
    assert_eq!(deque, [71, 51, 42, 24, 15, 7]);
    let mut elements = deque.into_iter();
    assert_eq!((elements.next(), elements.next_back()), (Some(71), Some(7)));
    assert!(elements.eq([51, 42, 24, 15]));
}

#[test]
fn grows_amortised() {
    let heap = TestHeap::new(1 << 20);
    let mut deque = ShmDeque::new_in(&*heap);
    for value in 0..25_000_u32 {
        deque.push_back(value).unwrap();
        deque.push_front(value).unwrap();
    }
    assert!(heap.allocations() < 20, "{} allocations", heap.allocations());
}

#[test]
fn a_panicking_predicate_loses_no_kept_element() {
    let heap = TestHeap::new(1 << 12);
    let mut deque = ShmDeque::from_iter_in(0..10_u32, &*heap).unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        deque.retain(|element| {
            assert_ne!(*element, 5, "stop here");
            element % 2 == 0
        })
    }));
    assert!(outcome.is_err());
    assert_eq!(deque, *[0, 2, 4, 5, 6, 7, 8, 9].as_slice());
}

#[test]
fn a_forgotten_drain_leaves_what_was_not_drained() {
    let heap = TestHeap::new(1 << 12);
    let mut deque = ShmDeque::from_iter_in(0..8_u32, &*heap).unwrap();
    std::mem::forget(deque.drain(2..5).unwrap());
    assert_eq!((deque.iter().err(), deque.len()), (Some(ContainerError::HalfChanged), 5));
    deque.settle(1);
    assert_eq!(deque, *[0, 1, 5, 6, 7].as_slice());
}

#[test]
fn an_unattached_heap_is_an_error_and_dropping_leaks() {
    let mut heap = TestHeap::new(1 << 12);
    let missing = ContainerError::NotAttached(Allocator::id(&*heap));
    let mut deque = ShmDeque::from_iter_in([1_u8, 2, 3], &*heap).unwrap();
    heap.detach();
    assert_eq!(deque.push_back(4), Err(missing));
    assert_eq!(deque.pop_front(), Err(missing));
    assert_eq!(deque.remove(0), Err(missing));
    assert_eq!(format!("{deque:?}"), format!("<{missing}>"));
    drop(deque);
    heap.attach();
    assert_eq!((heap.live_blocks(), heap.bad_frees()), (1, 0));
}

#[test]
fn absurd_sizes_are_errors() {
    let heap = TestHeap::new(1 << 12);
    let mut deque: ShmDeque<u64> = ShmDeque::new_in(&*heap);
    for more in [usize::MAX, usize::MAX / 8, isize::MAX as usize, 1 << 20] {
        assert!(matches!(deque.reserve(more), Err(ContainerError::Alloc(_))), "{more}");
    }
    deque.push_front(1).unwrap();
    assert!(deque.reserve(usize::MAX).is_err());
    assert_eq!(deque, *[1].as_slice());
}
