//! `ShmString` against `String`: any sequence of calls, short and long text,
//! with failing allocations and a heap that changes its address.
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write;
use std::hash::{Hash, Hasher};

use anymem_core::allocator::Allocator;
use anymem_core::container::{ContainerError, ShmString};
use common::TestHeap;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    Push(char),
    PushStr(String),
    InsertStr(usize, String),
    Insert(usize, char),
    Remove(usize),
    ReplaceRange(usize, usize, String),
    Retain(u32),
    SplitOff(usize),
    Pop,
    Truncate(usize),
    Clear,
    Reserve(usize),
    Shrink,
    Clone,
    Relocate,
    FailAfter(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => any::<char>().prop_map(Op::Push),
        3 => "\\PC{0,30}".prop_map(Op::PushStr),
        2 => (0..60_usize, "\\PC{0,12}").prop_map(|(at, text)| Op::InsertStr(at, text)),
        1 => (0..60_usize, any::<char>()).prop_map(|(at, it)| Op::Insert(at, it)),
        2 => (0..60_usize).prop_map(Op::Remove),
        2 => (0..60_usize, 0..20_usize, "\\PC{0,12}")
            .prop_map(|(at, len, text)| Op::ReplaceRange(at, len, text)),
        1 => (2..5_u32).prop_map(Op::Retain),
        1 => (0..60_usize).prop_map(Op::SplitOff),
        2 => Just(Op::Pop),
        2 => (0..60_usize).prop_map(Op::Truncate),
        1 => Just(Op::Clear),
        1 => (0..100_usize).prop_map(Op::Reserve),
        2 => Just(Op::Shrink),
        1 => Just(Op::Clone),
        1 => Just(Op::Relocate),
        1 => (0..2_usize).prop_map(Op::FailAfter),
    ]
}

fn done<R>(result: Result<R, ContainerError>) -> Option<R> {
    match result {
        Ok(value) => Some(value),
        Err(ContainerError::Alloc(_)) => None,
        Err(other) => panic!("{other}"),
    }
}

fn apply(op: &Op, heap: &mut TestHeap, text: &mut ShmString, model: &mut String) {
    match op {
        Op::Push(character) => {
            if done(text.push(*character)).is_some() {
                model.push(*character);
            }
        }
        Op::PushStr(more) => {
            if done(text.push_str(more)).is_some() {
                model.push_str(more);
            }
        }
        Op::InsertStr(index, more) if model.is_char_boundary(*index) => {
            if done(text.insert_str(*index, more)).is_some() {
                model.insert_str(*index, more);
            }
        }
        Op::InsertStr(index, more) => assert!(matches!(
            text.insert_str(*index, more),
            Err(ContainerError::OutOfBounds { .. } | ContainerError::NotCharBoundary { .. })
        )),
        Op::Insert(index, character) if model.is_char_boundary(*index) => {
            if done(text.insert(*index, *character)).is_some() {
                model.insert(*index, *character);
            }
        }
        Op::Remove(index) if *index < model.len() && model.is_char_boundary(*index) => {
            if let Some(gone) = done(text.remove(*index)) {
                assert_eq!(gone, model.remove(*index));
            }
        }
        Op::ReplaceRange(at, len, with)
            if model.is_char_boundary(*at) && model.is_char_boundary(at + len) =>
        {
            if done(text.replace_range(*at..at + len, with)).is_some() {
                model.replace_range(*at..at + len, with);
            }
        }
        Op::SplitOff(index) if model.is_char_boundary(*index) => {
            if let Some(rest) = done(text.split_off(*index)) {
                assert_eq!(rest.as_str().unwrap(), model.split_off(*index));
            }
        }
        Op::Insert(index, _) => assert!(is_outside(text.insert(*index, 'x'))),
        Op::Remove(index) => assert!(is_outside(text.remove(*index))),
        Op::ReplaceRange(at, len, _) => {
            assert!(is_outside(text.replace_range(*at..at + len, "x")));
        }
        Op::SplitOff(index) => assert!(is_outside(text.split_off(*index))),
        Op::Retain(divisor) => {
            if done(text.retain(|it| u32::from(it) % divisor != 0)).is_some() {
                model.retain(|it| u32::from(it) % divisor != 0);
            }
        }
        Op::Pop => assert_eq!(text.pop().unwrap(), model.pop()),
        Op::Truncate(len) if *len >= model.len() || model.is_char_boundary(*len) => {
            text.truncate(*len).unwrap();
            model.truncate(*len);
        }
        Op::Truncate(len) => {
            let expected = ContainerError::NotCharBoundary { index: *len };
            assert_eq!(text.truncate(*len), Err(expected));
        }
        Op::Clear => {
            text.clear().unwrap();
            model.clear();
        }
        Op::Reserve(more) => {
            if done(text.reserve(*more)).is_some() {
                assert!(text.capacity() >= text.len() + more);
            }
        }
        Op::Shrink => {
            if done(text.shrink_to_fit()).is_some() {
                let tight = text.is_inline() || text.capacity() == text.len();
                assert!(tight && (text.is_inline() || text.len() > ShmString::INLINE_CAPACITY));
            }
        }
        Op::Clone => {
            if let Some(clone) = done(text.try_clone()) {
                assert_eq!(clone, *text);
                *text = clone;
            }
        }
        Op::Relocate => heap.relocate(),
        Op::FailAfter(n) => heap.fail_after(*n),
    }
}

fn is_outside<R>(result: Result<R, ContainerError>) -> bool {
    let error = result.err();
    matches!(
        error,
        Some(ContainerError::OutOfBounds { .. } | ContainerError::NotCharBoundary { .. })
    )
}

proptest! {
    #[test]
    fn text_as_in_string(ops in prop::collection::vec(op(), 0..50)) {
        let mut heap = TestHeap::new(1 << 14);
        let (mut text, mut model) = (ShmString::new_in(&*heap), String::new());
        for op in &ops {
            apply(op, &mut heap, &mut text, &mut model);
            prop_assert_eq!(text.as_str().unwrap(), &model, "after {:?}", op);
            prop_assert_eq!(text.len(), model.len());
        }
        drop(text);
        heap.assert_empty();
    }

    #[test]
    fn order_and_hash_are_those_of_the_text(a in "\\PC{0,40}", b in "\\PC{0,40}") {
        let heap = TestHeap::new(1 << 12);
        let [x, y] = [&a, &b].map(|text| ShmString::from_str_in(text, &*heap).unwrap());
        prop_assert_eq!(x.cmp(&y), a.as_bytes().cmp(b.as_bytes()));
        prop_assert_eq!(x == y, a == b);
        prop_assert_eq!(hash(&x), hash(a.as_str()));
        prop_assert_eq!(x.to_string(), a.clone());
        prop_assert_eq!(format!("{x:?}"), format!("{a:?}"));
        prop_assert!(x == a.as_str() && x == *a);
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn short_text_takes_no_block() {
    let mut heap = TestHeap::new(1 << 12);
    let mut text = ShmString::from_str_in("exactly 23 bytes long..", &*heap).unwrap();
    assert!(text.is_inline());
    assert_eq!(heap.live_blocks(), 0);
    heap.detach();
    assert_eq!(text, "exactly 23 bytes long..");
    let missing = ContainerError::NotAttached(heap.id());
    assert_eq!(text.push('.'), Err(missing));
    heap.attach();
    write!(text, ".").unwrap();
    assert_eq!(heap.live_blocks(), 1);
    assert_eq!(text.as_str().unwrap(), "exactly 23 bytes long...");
    heap.detach();
    assert_eq!(text.as_str(), Err(missing));
    assert_eq!(text.clear(), Err(missing));
    drop(text);
    heap.attach();
    assert_eq!(heap.live_blocks(), 1, "leaked, as documented");
    assert_eq!(heap.bad_frees(), 0);
}

#[test]
fn bytes_that_are_not_text_are_an_error() {
    let mut heap = TestHeap::new(1 << 12);
    let text = ShmString::from_str_in(&"x".repeat(100), &*heap).unwrap();
    heap.bytes().iter_mut().filter(|byte| **byte == b'x').for_each(|byte| *byte = 0xff);
    assert_eq!(text.as_str(), Err(ContainerError::Corrupt));
    assert_eq!(text.check(), Err(ContainerError::Corrupt));
    assert_eq!(text.as_bytes().unwrap(), [0xff; 100]);
}

#[test]
fn text_is_formatted_into_a_heap() {
    let heap = TestHeap::new(1 << 12);
    let text = ShmString::format_in(format_args!("{:>30}|{}", "right", 7), &*heap).unwrap();
    assert!("                         right|7" == text && text > *"   ");
    assert_eq!(ShmString::from_iter_in("abc".chars().rev(), &*heap).unwrap(), "cba");
    heap.fail_after(0);
    let full = ShmString::format_in(format_args!("{:>30}", "right"), &*heap);
    assert!(matches!(full, Err(ContainerError::Alloc(_))));
}
