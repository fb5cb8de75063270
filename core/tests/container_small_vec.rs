//! `ShmSmallVec` against `Vec`:
//!
//! - any sequence of calls gives what `Vec` gives, also where allocations fail at
//!   any point, and where the heap changes its address in between;
//! - few elements need no block;
//! - every element is dropped once, every block freed once.
#![cfg(feature = "derive")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use anymem_core::allocator::Allocator;
use anymem_core::container::{ContainerError, ShmSafe, ShmSmallVec, ShmString, Trace};
use common::TestHeap;
use proptest::prelude::*;

const IN_PLACE: usize = 4;

type Small<T> = ShmSmallVec<T, IN_PLACE>;

#[derive(Debug, Clone)]
enum Op {
    Push(u32),
    Pop,
    Insert(usize, u32),
    Remove(usize),
    Truncate(usize),
    Reserve(usize),
    Shrink,
    Extend(Vec<u32>),
    Retain(u32),
    Drain(usize, usize, usize),
    Move,
    Relocate,
    FailAfter(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => any::<u32>().prop_map(Op::Push),
        4 => Just(Op::Pop),
        3 => (0..9_usize, any::<u32>()).prop_map(|(at, value)| Op::Insert(at, value)),
        3 => (0..9_usize).prop_map(Op::Remove),
        2 => (0..9_usize).prop_map(Op::Truncate),
        1 => (0..20_usize).prop_map(Op::Reserve),
        3 => Just(Op::Shrink),
        1 => prop::collection::vec(any::<u32>(), 0..6).prop_map(Op::Extend),
        1 => (2..5_u32).prop_map(Op::Retain),
        1 => (0..6_usize, 0..6_usize, 0..4_usize).prop_map(|(a, b, c)| Op::Drain(a, b, c)),
        1 => Just(Op::Move),
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

fn apply<T: Element>(op: &Op, heap: &mut TestHeap, vec: &mut Small<T>, model: &mut Vec<u32>) {
    let len = model.len();
    match op {
        Op::Push(value) => {
            if T::make(*value, heap).and_then(|made| done(vec.push(made))).is_some() {
                model.push(*value);
            }
        }
        Op::Pop => assert_eq!(vec.pop().unwrap().map(|got| got.read()), model.pop()),
        Op::Insert(index, value) => {
            let Some(made) = T::make(*value, heap) else { return };
            let (index, inserted) = (*index, vec.insert(*index, made));
            if index > len {
                assert_eq!(inserted, Err(ContainerError::OutOfBounds { index, len }));
            } else if done(inserted).is_some() {
                model.insert(index, *value);
            }
        }
        Op::Remove(index) if *index < len => {
            assert_eq!(vec.remove(*index).unwrap().read(), model.remove(*index));
        }
        Op::Remove(index) => {
            let index = *index;
            assert_eq!(vec.remove(index).err(), Some(ContainerError::OutOfBounds { index, len }));
        }
        Op::Truncate(len) => {
            vec.truncate(*len).unwrap();
            model.truncate(*len);
        }
        Op::Reserve(more) => {
            if done(vec.reserve(*more)).is_some() {
                assert!(vec.capacity() >= len + more);
            }
        }
        Op::Shrink => {
            if done(vec.shrink_to_fit()).is_some() {
                assert_eq!((vec.spilled(), vec.capacity()), (len > IN_PLACE, len.max(IN_PLACE)));
            }
        }
        Op::Extend(values) => {
            let made = values.iter().map(|&value| T::make(value, heap)).collect::<Option<Vec<_>>>();
            let Some(made) = made else { return };
            let _ = done(vec.extend(made));
            model.extend(&values[..vec.len() - len]);
        }
        Op::Retain(divisor) => {
            vec.retain(|element| !element.read().is_multiple_of(*divisor)).unwrap();
            model.retain(|value| value % divisor != 0);
        }
        Op::Drain(start, end, _) if start > end || *end > len => {
            let error = vec.drain(start..end).err();
            assert!(matches!(error, Some(ContainerError::OutOfBounds { .. })));
        }
        Op::Drain(start, end, taken) => {
            let mut drain = vec.drain(start..end).unwrap();
            let mut expected = model.drain(start..end);
            for turn in 0..*taken {
                let (got, expected) = match turn % 2 {
                    0 => (drain.next(), expected.next()),
                    _ => (drain.next_back(), expected.next_back()),
                };
                assert_eq!(got.map(|got| got.read()), expected);
            }
        }
        // To another place in memory, as into another container.
        Op::Move => {
            let empty = ShmSmallVec::with_heap_id(vec.heap_id());
            *vec = *Box::new(std::mem::replace(vec, empty));
        }
        Op::Relocate => heap.relocate(),
        Op::FailAfter(n) => heap.fail_after(*n),
    }
}

fn run<T: Element>(ops: &[Op]) {
    let mut heap = TestHeap::new(1 << 16);
    let mut model = Vec::new();
    let mut vec = Small::<T>::new_in(&*heap as &dyn Allocator);
    for op in ops {
        apply(op, &mut heap, &mut vec, &mut model);
        vec.check().unwrap();
        let found: Vec<u32> = vec.iter().unwrap().map(T::read).collect();
        assert_eq!(found, model, "after {op:?}");
        assert_eq!((vec.len(), vec.is_empty()), (model.len(), model.is_empty()));
    }
    drop(vec);
    heap.assert_empty();
}

proptest! {
    #[test]
    fn numbers_as_in_vec(ops in prop::collection::vec(op(), 0..80)) {
        run::<u32>(&ops);
    }

    #[test]
    fn texts_as_in_vec(ops in prop::collection::vec(op(), 0..60)) {
        run::<ShmString>(&ops);
    }
}

#[test]
fn few_elements_need_neither_block_nor_heap() {
    let mut heap = TestHeap::new(1 << 12);
    let mut vec = Small::from_iter_in([1_u32, 2, 3, 4], &*heap).unwrap();
    assert_eq!((heap.allocations(), vec.spilled()), (0, false));
    heap.detach();
    assert_eq!(vec, *[1, 2, 3, 4].as_slice());
    let missing = ContainerError::NotAttached(vec.heap_id());
    assert_eq!(vec.push(5), Err(missing));
    heap.attach();
    vec.push(5).unwrap();
    heap.detach();
    assert_eq!(vec.as_slice(), Err(missing));
    heap.attach();
    vec.remove(0).unwrap();
    vec.shrink_to_fit().unwrap();
    assert_eq!((vec.as_slice(), heap.live_blocks()), (Ok([2, 3, 4, 5].as_slice()), 0));
}

#[test]
fn what_was_drained_or_panicked_over_is_gone() {
    for len in [4, 8] {
        let heap = TestHeap::new(1 << 12);
        let mut vec = Small::from_iter_in(0..len, &*heap).unwrap();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            vec.retain(|element| {
                assert_ne!(*element, 2, "stop here");
                *element == 1
            })
        }));
        assert!(outcome.is_err());
        assert!(vec.iter().unwrap().copied().eq(1..len));
        std::mem::forget(vec.drain(1..2).unwrap());
        assert_eq!(vec.as_slice(), Err(ContainerError::HalfChanged));
        assert_eq!(vec.len(), len as usize - 2);
        vec.settle(1);
        assert_eq!(vec.as_slice().unwrap()[..2], [1, 3]);
    }
}
