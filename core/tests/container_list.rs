//! `ShmList` against a vector and a place in it:
//!
//! - any sequence of calls gives what the model gives, also where allocations
//!   fail at any point, and where the heap changes its address in between;
//! - every element is dropped once, every block freed once.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use anymem_core::allocator::Allocator;
use anymem_core::container::{ContainerError, ShmList, ShmString, Trace};
use common::TestHeap;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    PushBack(u32),
    PushFront(u32),
    PopBack,
    PopFront,
    Retain(u32),
    SplitOff(usize),
    Append(Vec<u32>),
    Clear,
    /// Moves a cursor that many places from the start, or back from the end, and
    /// does these.
    Cursor(bool, usize, Vec<Step>),
    Relocate,
    FailAfter(usize),
}

#[derive(Debug, Clone)]
enum Step {
    Next,
    Prev,
    Before(u32),
    After(u32),
    Remove,
    SpliceBefore(Vec<u32>),
    SpliceAfter(Vec<u32>),
    SplitBefore,
    SplitAfter,
}

fn step() -> impl Strategy<Value = Step> {
    let numbers = || prop::collection::vec(any::<u32>(), 0..4);
    prop_oneof![
        4 => Just(Step::Next),
        4 => Just(Step::Prev),
        3 => any::<u32>().prop_map(Step::Before),
        3 => any::<u32>().prop_map(Step::After),
        3 => Just(Step::Remove),
        1 => numbers().prop_map(Step::SpliceBefore),
        1 => numbers().prop_map(Step::SpliceAfter),
        1 => Just(Step::SplitBefore),
        1 => Just(Step::SplitAfter),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let numbers = || prop::collection::vec(any::<u32>(), 0..6);
    let steps = prop::collection::vec(step(), 1..8);
    prop_oneof![
        4 => any::<u32>().prop_map(Op::PushBack),
        4 => any::<u32>().prop_map(Op::PushFront),
        1 => Just(Op::PopBack),
        1 => Just(Op::PopFront),
        1 => (2..5_u32).prop_map(Op::Retain),
        1 => (0..12_usize).prop_map(Op::SplitOff),
        1 => numbers().prop_map(Op::Append),
        1 => Just(Op::Clear),
        6 => (any::<bool>(), 0..12_usize, steps)
            .prop_map(|(back, places, steps)| Op::Cursor(back, places, steps)),
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

/// A text that needs a block, which is freed once or the heap tells.
fn text(value: u32, heap: &TestHeap) -> Option<ShmString> {
    done(ShmString::from_str_in(&format!("{value:040}"), &**heap))
}

fn number(text: &ShmString) -> u32 {
    text.as_str().unwrap().parse().unwrap()
}

fn list_of(values: &[u32], heap: &TestHeap) -> Option<ShmList<ShmString>> {
    let texts = values.iter().map(|&value| text(value, heap)).collect::<Option<Vec<_>>>()?;
    done(ShmList::from_iter_in(texts, &**heap))
}

fn numbers(list: &ShmList<ShmString>) -> Vec<u32> {
    list.iter().unwrap().map(number).collect()
}

/// Runs steps of a cursor on both; `at` is the place in the model, its length for
/// the place between the last and the first.
fn walk(
    (back, places, steps): (bool, usize, &[Step]),
    heap: &TestHeap,
    list: &mut ShmList<ShmString>,
    model: &mut Vec<u32>,
) {
    let mut at = if back { model.len().saturating_sub(1) } else { 0 };
    let cursor = if back { list.cursor_back_mut() } else { list.cursor_front_mut() };
    let mut cursor = cursor.unwrap();
    let to = if back { Step::Prev } else { Step::Next };
    for step in std::iter::repeat_n(&to, places).chain(steps) {
        // Where there is nothing, before and after are the same place.
        match step {
            Step::Next => {
                cursor.move_next().unwrap();
                at = if at == model.len() { 0 } else { at + 1 };
            }
            Step::Prev => {
                cursor.move_prev().unwrap();
                at = at.checked_sub(1).unwrap_or(model.len());
            }
            Step::Before(value) => {
                let made = text(*value, heap).and_then(|made| done(cursor.insert_before(made)));
                if made.is_some() {
                    model.insert(at, *value);
                    at += 1;
                }
            }
            Step::After(value) => {
                let made = text(*value, heap).and_then(|made| done(cursor.insert_after(made)));
                if made.is_some() {
                    let between = at == model.len();
                    model.insert(if between { 0 } else { at + 1 }, *value);
                    at += usize::from(between);
                }
            }
            Step::Remove => {
                let removed = cursor.remove_current().unwrap().map(|it| number(&it));
                assert_eq!(removed, (at < model.len()).then(|| model.remove(at)));
            }
            Step::SpliceBefore(values) => {
                if let Some(other) = list_of(values, heap) {
                    cursor.splice_before(other).unwrap();
                    model.splice(at..at, values.iter().copied());
                    at += values.len();
                }
            }
            Step::SpliceAfter(values) => {
                if let Some(other) = list_of(values, heap) {
                    cursor.splice_after(other).unwrap();
                    let between = at == model.len();
                    let place = if between { 0 } else { at + 1 };
                    model.splice(place..place, values.iter().copied());
                    at += if between { values.len() } else { 0 };
                }
            }
            Step::SplitBefore => {
                let front = cursor.split_before().unwrap();
                front.check().unwrap();
                assert_eq!(numbers(&front), model.drain(..at).collect::<Vec<_>>());
                at = 0;
            }
            Step::SplitAfter => {
                let rest = cursor.split_after().unwrap();
                rest.check().unwrap();
                let from = if at == model.len() { 0 } else { at + 1 };
                assert_eq!(numbers(&rest), model.split_off(from));
                at = at.min(model.len());
            }
        }
        assert_eq!(cursor.index(), (at < model.len()).then_some(at), "{step:?}");
        assert_eq!(cursor.current().unwrap().map(|it| number(it)), model.get(at).copied());
        let next = if at == model.len() { 0 } else { at + 1 };
        let prev = at.checked_sub(1).unwrap_or(model.len());
        assert_eq!(cursor.peek_next().unwrap().map(|it| number(it)), model.get(next).copied());
        assert_eq!(cursor.peek_prev().unwrap().map(|it| number(it)), model.get(prev).copied());
        assert_eq!(numbers(cursor.as_list()), *model, "{step:?}");
    }
}

fn apply(op: &Op, heap: &mut TestHeap, list: &mut ShmList<ShmString>, model: &mut Vec<u32>) {
    match op {
        Op::PushBack(value) => {
            if text(*value, heap).and_then(|made| done(list.push_back(made))).is_some() {
                model.push(*value);
            }
        }
        Op::PushFront(value) => {
            if text(*value, heap).and_then(|made| done(list.push_front(made))).is_some() {
                model.insert(0, *value);
            }
        }
        Op::PopBack => {
            assert_eq!(list.pop_back().unwrap().map(|it| number(&it)), model.pop());
        }
        Op::PopFront => {
            let first = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(list.pop_front().unwrap().map(|it| number(&it)), first);
        }
        Op::Retain(divisor) => {
            list.retain(|it| !number(it).is_multiple_of(*divisor)).unwrap();
            model.retain(|value| value % divisor != 0);
        }
        Op::SplitOff(index) if *index > model.len() => {
            let (index, len) = (*index, model.len());
            let error = list.split_off(index).err();
            assert_eq!(error, Some(ContainerError::OutOfBounds { index, len }));
        }
        Op::SplitOff(index) => {
            let rest = list.split_off(*index).unwrap();
            rest.check().unwrap();
            assert_eq!(numbers(&rest), model.split_off(*index));
        }
        Op::Append(values) => {
            if let Some(mut other) = list_of(values, heap) {
                list.append(&mut other).unwrap();
                assert!(other.is_empty() && other.check().is_ok());
                model.extend(values);
            }
        }
        Op::Clear => {
            list.clear().unwrap();
            model.clear();
        }
        Op::Cursor(back, places, steps) => walk((*back, *places, steps), heap, list, model),
        Op::Relocate => heap.relocate(),
        Op::FailAfter(n) => heap.fail_after(*n),
    }
}

proptest! {
    #[test]
    fn as_the_model(ops in prop::collection::vec(op(), 0..40)) {
        let mut heap = TestHeap::new(1 << 16);
        let mut model = Vec::new();
        let mut list = ShmList::new_in(&*heap as &dyn Allocator);
        for op in &ops {
            apply(op, &mut heap, &mut list, &mut model);
            list.check().unwrap();
            prop_assert_eq!(numbers(&list), model.clone(), "after {:?}", op);
            prop_assert!(list.iter().unwrap().rev().map(number).eq(model.iter().rev().copied()));
            prop_assert_eq!((list.len(), list.is_empty()), (model.len(), model.is_empty()));
            prop_assert_eq!(list.front().unwrap().map(number), model.first().copied());
            prop_assert_eq!(list.back_mut().unwrap().map(|it| number(it)), model.last().copied());
        }
        drop(list);
        heap.assert_empty();
    }

    #[test]
    fn both_ends_meet(len in 0..9_u32, turns in prop::collection::vec(any::<bool>(), 12)) {
        let heap = TestHeap::new(1 << 12);
        let mut list = ShmList::from_iter_in(0..len, &*heap).unwrap();
        let (mut walk, mut model) = (list.iter_mut().unwrap(), 0..len);
        for front in turns {
            let (got, expected) = match front {
                true => (walk.next(), model.next()),
                false => (walk.next_back(), model.next_back()),
            };
            prop_assert_eq!(got.copied(), expected);
            prop_assert_eq!(walk.len(), model.len());
        }
    }
}

#[test]
fn lists_of_two_heaps_are_joined() {
    let (one, other) = (TestHeap::new(1 << 12), TestHeap::new(1 << 12));
    let mut list = ShmList::from_iter_in([1, 2], &*one).unwrap();
    let mut more = ShmList::from_iter_in([3, 4], &*other).unwrap();
    list.append(&mut more).unwrap();
    assert_eq!((list.len(), more.len()), (4, 0));
    assert_eq!(list, [1, 2, 3, 4]);
    let mut elements = list.into_iter();
    assert_eq!((elements.next(), elements.next_back()), (Some(1), Some(4)));
    drop(elements);
    assert_eq!(one.live_blocks(), 0);
    assert_eq!(other.live_blocks(), 0);
}

/// What a process leaves that died while it changed links, by hand: heap id, first
/// and last node, and the length.
#[test]
fn links_are_put_right_by_the_next_change() {
    const CHANGING: usize = 1 << (usize::BITS - 1);
    let heap = TestHeap::new(1 << 12);
    let left = |most: usize| {
        let mut list = ShmList::from_iter_in([1_u32, 2, 3], &*heap).unwrap();
        let words = (&raw mut list).cast::<u8>();
        // SAFETY: the words of a list behind its heap's id; any bits are some.
        let words = unsafe { words.add(8).cast::<[usize; 3]>().as_mut() }.unwrap();
        (words[1], words[2]) = (words[0], CHANGING | most);
        list
    };
    for most in [3, 4] {
        let mut list = left(most);
        assert_eq!(list.iter().err(), Some(ContainerError::HalfChanged));
        list.settle(1);
        list.check().unwrap();
        assert_eq!(list, *[1, 2, 3].as_slice());
        let mut list = left(most);
        assert_eq!(list.pop_back(), Ok(Some(3)));
        list.check().unwrap();
    }
    assert_eq!(left(2).push_back(4), Err(ContainerError::Corrupt));
}

#[test]
fn an_unattached_heap_is_an_error_and_dropping_leaks() {
    let mut heap = TestHeap::new(1 << 12);
    let missing = ContainerError::NotAttached(Allocator::id(&*heap));
    let mut list = ShmList::from_iter_in([1_u8, 2], &*heap).unwrap();
    heap.detach();
    assert_eq!(list.push_back(4), Err(missing));
    assert_eq!(list.pop_front(), Err(missing));
    assert_eq!(format!("{list:?}"), format!("<{missing}>"));
    drop(list);
    heap.attach();
    assert_eq!((heap.live_blocks(), heap.bad_frees()), (2, 0));
}
