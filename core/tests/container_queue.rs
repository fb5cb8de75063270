//! Bounded queues against `VecDeque`, under many threads, and after deaths.
#![cfg(feature = "containers")]
#![allow(clippy::std_instead_of_core, clippy::std_instead_of_alloc)]

mod common;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anymem_core::allocator::Allocator;
use anymem_core::container::{
    ContainerError, EndError, PopError, PushError, ShmBox, ShmMpmc, ShmMpsc, ShmSpsc, ShmString,
};
use common::{TestHeap, play};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Op {
    Push(u32),
    PushMany(Vec<u32>),
    Pop,
    PopMany(usize),
    Close,
    Relocate,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        12 => any::<u32>().prop_map(Op::Push),
        2 => prop::collection::vec(any::<u32>(), 0..6).prop_map(Op::PushMany),
        10 => Just(Op::Pop),
        2 => (0..6_usize).prop_map(Op::PopMany),
        1 => Just(Op::Relocate),
    ];
    // The end comes once, and late, or there is little to see.
    (prop::collection::vec(op, 1..80), any::<bool>()).prop_map(|(mut ops, closes)| {
        if closes {
            ops.insert(ops.len() * 3 / 4, Op::Close);
        }
        ops
    })
}

/// Values that own a block, or none.
fn text(number: u32, heap: &TestHeap) -> ShmString {
    let text = if number.is_multiple_of(2) { format!("{number}") } else { format!("{number:040}") };
    ShmString::from_str_in(&text, &**heap).unwrap()
}

fn number(text: &ShmString) -> u32 {
    text.as_str().unwrap().parse().unwrap()
}

/// What a queue does, whatever its kind.
trait Queue: Sized {
    fn make(capacity: usize, heap: &TestHeap) -> Self;
    fn push(&self, value: ShmString) -> Result<(), PushError<ShmString>>;
    fn push_many(&self, values: &mut dyn Iterator<Item = ShmString>) -> usize;
    fn pop(&self) -> Result<ShmString, PopError>;
    fn pop_many(&self, most: usize, each: &mut dyn FnMut(ShmString)) -> Result<usize, PopError>;
    fn close(&self);
    fn len(&self) -> usize;
}

macro_rules! queue {
    ($queue:ident, $in:ident => $producer:expr, $out:ident => $consumer:expr) => {
        impl Queue for $queue<ShmString> {
            fn make(capacity: usize, heap: &TestHeap) -> Self {
                Self::new_in(capacity, &**heap).unwrap()
            }
            #[allow(unused_mut)]
            fn push(&self, value: ShmString) -> Result<(), PushError<ShmString>> {
                let $in = self;
                let mut end = $producer;
                end.try_push(value)
            }
            #[allow(unused_mut)]
            fn push_many(&self, mut values: &mut dyn Iterator<Item = ShmString>) -> usize {
                let $in = self;
                let mut end = $producer;
                let before = Queue::len(self);
                let pushed = end.try_push_many(&mut values);
                let count = Queue::len(self) - before;
                assert_eq!(pushed.unwrap_or(count), count);
                count
            }
            #[allow(unused_mut)]
            fn pop(&self) -> Result<ShmString, PopError> {
                let $out = self;
                let mut end = $consumer;
                end.try_pop()
            }
            #[allow(unused_mut)]
            fn pop_many(
                &self,
                most: usize,
                each: &mut dyn FnMut(ShmString),
            ) -> Result<usize, PopError> {
                let $out = self;
                let mut end = $consumer;
                end.try_pop_many(most, each)
            }
            fn close(&self) {
                self.close().unwrap();
                assert!(self.is_closed().unwrap());
            }
            fn len(&self) -> usize {
                self.check().unwrap();
                self.len().unwrap()
            }
        }
    };
}

queue!(ShmSpsc, it => it.producer().unwrap(), it => it.consumer().unwrap());
queue!(ShmMpsc, it => it, it => it.consumer().unwrap());
queue!(ShmMpmc, it => it, it => it);

fn is_like_a_deque<Q: Queue>(capacity: usize, ops: &[Op]) {
    let mut heap = TestHeap::new(1 << 17);
    let queue = Q::make(capacity, &heap);
    let most = capacity.max(2).next_power_of_two();
    let (mut model, mut closed) = (VecDeque::new(), false);
    for op in ops {
        match op {
            Op::Push(value) => {
                let pushed = queue.push(text(*value, &heap));
                match (closed, model.len() == most) {
                    (true, _) => assert!(matches!(pushed, Err(PushError::Closed(_)))),
                    (_, true) => assert!(matches!(pushed, Err(PushError::Full(_)))),
                    _ => model.push_back(*value),
                }
                if let Err(error) = pushed {
                    assert_eq!(number(&error.into_value()), *value);
                }
            }
            Op::PushMany(values) => {
                let room = if closed { 0 } else { most - model.len() };
                let mut texts = values.iter().map(|value| text(*value, &heap));
                assert_eq!(queue.push_many(&mut texts), room.min(values.len()));
                model.extend(values.iter().take(room));
            }
            Op::Pop => {
                let none = if closed { PopError::Closed } else { PopError::Empty };
                let popped = queue.pop().map(|text| number(&text));
                assert_eq!(popped, model.pop_front().ok_or(none));
            }
            Op::PopMany(count) => {
                let none = if closed { PopError::Closed } else { PopError::Empty };
                let mut popped = Vec::new();
                let done = queue.pop_many(*count, &mut |text| popped.push(number(&text)));
                let expected: Vec<_> = model.drain(..model.len().min(*count)).collect();
                assert_eq!(popped, expected);
                let nothing = popped.is_empty() && *count > 0;
                assert_eq!(done, if nothing { Err(none) } else { Ok(popped.len()) });
            }
            Op::Close => {
                queue.close();
                closed = true;
            }
            Op::Relocate => heap.relocate(),
        }
        assert_eq!(queue.len(), model.len());
    }
    drop(queue);
    heap.assert_empty();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 128 }))]

    #[test]
    fn one_to_one_is_like_a_deque(capacity in 0..9_usize, ops in ops()) {
        is_like_a_deque::<ShmSpsc<ShmString>>(capacity, &ops);
    }

    #[test]
    fn many_to_one_is_like_a_deque(capacity in 0..9_usize, ops in ops()) {
        is_like_a_deque::<ShmMpsc<ShmString>>(capacity, &ops);
    }

    #[test]
    fn many_to_many_is_like_a_deque(capacity in 0..9_usize, ops in ops()) {
        is_like_a_deque::<ShmMpmc<ShmString>>(capacity, &ops);
    }
}

const EACH: usize = if cfg!(miri) { 20 } else { 5_000 };

/// Three push and two pop, all of them sleeping when they must: everything comes
/// out once, and what one pushed in its order.
#[test]
fn many_push_and_pop() {
    let heap = TestHeap::new(1 << 16);
    let queue = ShmMpmc::<(usize, usize)>::new_in(8, &*heap).unwrap();
    let mut came = thread::scope(|scope| {
        let push = |who| {
            let queue = &queue;
            move || (0..EACH).for_each(|number| queue.push((who, number)).unwrap())
        };
        let producers: Vec<_> = (0..3).map(|who| scope.spawn(push(who))).collect();
        let consumers: Vec<_> = (0..2).map(|_| scope.spawn(|| drained(|| queue.pop()))).collect();
        producers.into_iter().for_each(|it| it.join().unwrap());
        queue.close().unwrap();
        consumers.into_iter().flat_map(|it| it.join().unwrap()).collect::<Vec<_>>()
    });
    came.sort_unstable();
    let all = (0..3).flat_map(|who| (0..EACH).map(move |number| (who, number)));
    assert!(came.into_iter().eq(all), "lost, or twice");
}

/// What comes out until the queue is closed; asserts that it is in order.
fn drained(mut pop: impl FnMut() -> Result<(usize, usize), PopError>) -> Vec<(usize, usize)> {
    let (mut came, mut next) = (Vec::new(), [0; 3]);
    loop {
        match pop() {
            Ok((who, number)) => {
                assert!(number >= next[who], "out of order");
                next[who] = number + 1;
                came.push((who, number));
            }
            Err(error) => {
                assert_eq!(error, PopError::Closed);
                return came;
            }
        }
    }
}

#[test]
fn many_push_and_one_pops() {
    let heap = TestHeap::new(1 << 16);
    let queue = ShmMpsc::<(usize, usize)>::new_in(4, &*heap).unwrap();
    thread::scope(|scope| {
        let consumer = scope.spawn(|| {
            let mut end = queue.consumer().unwrap();
            drained(|| end.pop()).len()
        });
        let producers: Vec<_> = (0..3)
            .map(|who| {
                let queue = &queue;
                scope.spawn(move || {
                    (0..EACH).for_each(|number| queue.push((who, number)).unwrap());
                })
            })
            .collect();
        producers.into_iter().for_each(|it| it.join().unwrap());
        queue.close().unwrap();
        assert_eq!(consumer.join().unwrap(), 3 * EACH);
    });
}

#[test]
fn one_pushes_and_one_pops() {
    let heap = TestHeap::new(1 << 16);
    let queue = ShmSpsc::<(usize, usize)>::new_in(2, &*heap).unwrap();
    thread::scope(|scope| {
        let consumer = scope.spawn(|| {
            let mut end = queue.consumer().unwrap();
            drained(|| end.pop()).len()
        });
        let mut end = queue.producer().unwrap();
        (0..EACH).for_each(|number| end.push((0, number)).unwrap());
        end.close();
        assert_eq!(consumer.join().unwrap(), EACH);
    });
}

/// While queues are closed, what was put in and what came out agree.
#[test]
fn closing_loses_nothing() {
    for _ in 0..if cfg!(miri) { 2 } else { 200 } {
        let heap = TestHeap::new(1 << 14);
        let queue = ShmMpmc::<usize>::new_in(2, &*heap).unwrap();
        let pushed = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while queue.push(1).is_ok() {
                        pushed.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            let pops = scope.spawn(|| {
                let mut popped = 0;
                while queue.pop().is_ok() {
                    popped += 1;
                    if popped == 20 {
                        queue.close().unwrap();
                    }
                }
                popped
            });
            let popped = pops.join().unwrap();
            assert_eq!(queue.try_pop(), Err(PopError::Closed));
            assert_eq!(queue.try_push(1), Err(PushError::Closed(1)));
            pushed.fetch_sub(popped, Ordering::SeqCst);
        });
        assert_eq!(pushed.into_inner(), 0);
    }
}

#[test]
fn who_waits_is_told_of_the_time_and_of_the_end() {
    let heap = TestHeap::new(1 << 14);
    let queue = ShmMpmc::<u8>::new_in(2, &*heap).unwrap();
    let short = Duration::from_millis(1);
    assert_eq!(queue.pop_timeout(short), Err(PopError::Empty));
    assert_eq!(queue.try_push_many([1, 2, 3].into_iter()), Err(PushError::Full(3)));
    assert_eq!(queue.push_timeout(3, short), Err(PushError::Full(3)));
    thread::scope(|scope| {
        let waits = scope.spawn(|| queue.push(3));
        queue.close().unwrap();
        assert_eq!(waits.join().unwrap(), Err(PushError::Closed(3)));
    });
    assert_eq!((queue.pop(), queue.pop()), (Ok(1), Ok(2)));
    assert_eq!(queue.pop(), Err(PopError::Closed));
}

#[test]
fn an_end_has_one_user_until_it_is_left_or_the_user_dies() {
    let heap = TestHeap::new(1 << 14);
    let queue = ShmSpsc::<u8>::new_in(4, &*heap).unwrap();
    let me = play(100);
    let mut first = queue.producer().unwrap();
    assert_eq!(queue.producer().unwrap_err(), EndError::Taken(Some(me)));
    first.push(1).unwrap();
    // What a child finds that was forked now.
    play(101);
    assert_eq!(first.try_push(2), Err(PushError::Foreign(2)));
    drop(first);
    assert!(matches!(queue.producer(), Err(EndError::Taken(_))));
    heap.processes.kill(100);
    let mut second = queue.producer().unwrap();
    second.push(2).unwrap();
    drop(second);
    queue.producer().unwrap().push(3).unwrap();
    let mut all = Vec::new();
    assert_eq!(queue.consumer().unwrap().try_pop_many(9, |it| all.push(it)), Ok(3));
    assert_eq!(all, [1, 2, 3]);
}

#[test]
fn seats_of_the_dead_are_taken() {
    let heap = TestHeap::new(1 << 16);
    let queue = ShmMpmc::<u32>::new_in(2, &*heap).unwrap();
    for pid in 0..400 {
        heap.processes.revive(1000 + pid);
        play(1000 + pid);
        queue.try_push(pid).unwrap();
        assert_eq!(queue.try_pop(), Ok(pid));
        heap.processes.kill(1000 + pid);
    }
    for pid in 2000..2128 {
        heap.processes.revive(pid);
        play(pid);
        assert_eq!(queue.try_pop(), Err(PopError::Empty));
    }
    heap.processes.revive(3000);
    play(3000);
    assert_eq!(queue.try_push(1), Err(PushError::Crowded(1)));
    assert_eq!(queue.try_pop(), Err(PopError::Crowded));
}

#[test]
fn a_queue_lives_in_its_heap() {
    let mut heap = TestHeap::new(1 << 16);
    let made = ShmMpmc::<ShmBox<u64>>::new_in(3, &*heap).unwrap();
    let queue = ShmBox::new_in(made, &*heap).unwrap();
    queue.get().unwrap().push(ShmBox::new_in(7, &*heap).unwrap()).unwrap();
    heap.relocate();
    assert_eq!(queue.get().unwrap().capacity(), 4);
    assert_eq!(format!("{:?}", queue.get().unwrap()), "ShmMpmc(Ring(1 of 4))");
    let queue = queue.into_inner().unwrap();
    let id = queue.heap_id();
    assert_eq!(id, heap.id());
    heap.detach();
    assert_eq!(queue.try_pop(), Err(PopError::Heap(ContainerError::NotAttached(id))));
    assert_eq!(queue.len(), Err(ContainerError::NotAttached(id)));
    heap.attach();
    drop(queue);
    heap.assert_empty();
}

#[test]
fn no_room_for_a_queue_is_an_error() {
    let heap = TestHeap::new(1 << 12);
    for capacity in [1 << 10, usize::MAX / 3, usize::MAX] {
        let made = ShmSpsc::<u64>::new_in(capacity, &*heap);
        assert!(matches!(made, Err(ContainerError::Alloc(_))), "{made:?}");
    }
    heap.assert_empty();
}

#[test]
fn a_panic_while_values_come_out_leaves_the_rest() {
    let heap = Arc::new(TestHeap::new(1 << 14));
    let queue = ShmMpmc::<u8>::new_in(4, &**heap).unwrap();
    queue.try_push_many([1, 2, 3].into_iter()).unwrap();
    let panics = std::panic::AssertUnwindSafe(|| queue.try_pop_many(9, |_| panic!("no")));
    assert!(std::panic::catch_unwind(panics).is_err());
    assert_eq!((queue.try_pop(), queue.try_pop()), (Ok(2), Ok(3)));
}
