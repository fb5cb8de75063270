//! Threads of a device in a heap: what kernels make of values that the processor built, and
//! the processor of what kernels built.

mod common;

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::thread;

use anymem::container::{PopError, ShmBox, ShmList, ShmMpsc, ShmSafe, ShmVec};
use anymem::{HeapOptions, Size};
use anymem_gpu::driver::SimDriver;
use anymem_gpu::kernels::{
    Arena, Call, Chain, HeapOnDevice, KernelError, Kernels, Outcome, Push, Threads,
};
use anymem_gpu::{Device, GpuError, RegisteredHeap, Stream};
use anymem_gpu_sim::{Completion, Options};
use proptest::prelude::*;

/// A heap, and a device with kernels that see it.
struct Both {
    kernels: Kernels,
    stream: Stream,
    heap: RegisteredHeap,
}

/// A value in the heap.
struct Put<T: ShmSafe>(ShmBox<T>);

impl<T: ShmSafe> Deref for Put<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.get().expect("attached")
    }
}

impl<T: ShmSafe> DerefMut for Put<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_mut().expect("attached")
    }
}

impl Both {
    fn new(device: &Device) -> Self {
        let heap = HeapOptions::new().resident(true).create_memfd("kernels", Size::mib(1));
        let heap = RegisteredHeap::new(heap.expect("room"), [device]).expect("registered");
        let kernels = Kernels::load(device).expect("loaded");
        Self { kernels, stream: Stream::new(device).expect("a stream"), heap }
    }

    /// The device that this process tests, if it has PTX.
    fn of_this_process() -> Option<Self> {
        let device = common::device();
        match Kernels::load(&device) {
            Err(GpuError::Unsupported { what, .. }) => {
                common::without(what);
                None
            }
            _ => Some(Self::new(&device)),
        }
    }

    fn there(&self) -> HeapOnDevice<'_> {
        HeapOnDevice::new(&self.heap, self.kernels.device()).expect("registered")
    }

    fn put<T: ShmSafe>(&self, value: T) -> Put<T> {
        Put(ShmBox::new_in(value, &*self.heap).expect("room"))
    }

    fn vec(&self, values: &[u64]) -> Put<ShmVec<u64>> {
        self.put(ShmVec::from_slice_in(values, &*self.heap).expect("room"))
    }

    fn list(&self, values: &[u64]) -> Put<ShmList<u64>> {
        self.put(ShmList::from_iter_in(values.iter().copied(), &*self.heap).expect("room"))
    }
}

fn values(count: usize) -> Vec<u64> {
    (0..count as u64).map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect()
}

fn sum(values: &[u64]) -> u64 {
    values.iter().fold(0, |sum, value| sum.wrapping_add(*value))
}

#[test]
fn on_all_drivers() {
    common::everywhere();
}

#[test]
fn vectors_are_summed_and_counted_exactly() {
    let Some(both) = Both::of_this_process() else { return };
    for count in [0, 1, 31, 128, 129, 10_000] {
        let mut numbers = values(count);
        let vec = both.vec(&numbers);
        let summed = both.kernels.vec_sum(&both.stream, both.there(), &vec).expect("summed");
        assert_eq!((summed.value, summed.count), (sum(&numbers), count as u64));
        numbers.iter_mut().step_by(3).for_each(|number| *number = 7);
        let (vec, wanted) = (both.vec(&numbers), count.div_ceil(3) as u64);
        let counted = both.kernels.vec_count(&both.stream, both.there(), &vec, 7).expect("counted");
        assert_eq!((counted.value, counted.count), (wanted, count as u64));
    }
}

#[test]
fn what_a_kernel_fills_the_processor_reads() {
    let Some(both) = Both::of_this_process() else { return };
    for count in [0, 1, 200, 5000] {
        let mut vec = both.vec(&vec![9; count]);
        let filled = both.kernels.vec_fill(&both.stream, both.there(), &mut vec, (5, 3));
        assert_eq!(filled, Ok(count as u64));
        let wanted: Vec<u64> = (0..count as u64).map(|index| 5 + 3 * index).collect();
        assert_eq!(vec.as_slice().expect("whole"), wanted);
    }
}

#[test]
fn lists_are_followed_by_their_offsets() {
    let Some(both) = Both::of_this_process() else { return };
    for count in [0, 1, 2, 1000] {
        let numbers = values(count);
        let mut list = both.list(&numbers);
        let summed = both.kernels.list_sum(&both.stream, both.there(), &list).expect("summed");
        assert_eq!((summed.value, summed.count), (sum(&numbers), count as u64));
        // Nodes in another order than their blocks.
        let first = list.pop_front().expect("whole");
        first.into_iter().for_each(|first| list.push_back(first).expect("room"));
        let again = both.kernels.list_sum(&both.stream, both.there(), &list).expect("summed");
        assert_eq!(again, summed);
    }
}

#[test]
fn each_thread_has_a_number_of_its_own() {
    let Some(both) = Both::of_this_process() else { return };
    let mut vec = both.vec(&[u64::MAX; 100]);
    let threads = Threads { blocks: 3, threads: 40 };
    let grid = (threads, 50);
    let outcome = both.kernels.thread_ids(&both.stream, both.there(), &mut vec, grid);
    let outcome = outcome.expect("run");
    assert_eq!((outcome.value, outcome.count), (120, 100));
    assert!(vec.as_slice().expect("whole").iter().copied().eq(0..100));
}

#[test]
fn threads_take_nodes_from_the_heap_and_link_them() {
    let Some(both) = Both::of_this_process() else { return };
    let count = 3000;
    let (numbers, room) = (values(count), 16 * (count + 1));
    let arena = both.put(Arena::new_in(room, &*both.heap).expect("room"));
    let (chain, vec) = (both.put(Chain::new()), both.vec(&numbers));
    chain.push(&arena, 1).expect("room");
    let (stream, there) = (&both.stream, both.there());
    let built = both.kernels.chain_build(stream, there, (&chain, &arena), &vec);
    assert_eq!(built, Ok(count as u64));
    assert_eq!(arena.used(), room);
    let mut found: Vec<u64> = chain.iter(&arena).map(|value| value.expect("a node")).collect();
    assert_eq!(found.pop(), Some(1), "what was pushed first is the last");
    let wanted: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!((found.len(), found.into_iter().collect()), (count, wanted));
    let summed = both.kernels.chain_sum(stream, there, &chain).expect("summed");
    assert_eq!(summed.value, sum(&numbers).wrapping_add(1));
}

#[test]
fn an_arena_without_room_says_how_far_it_went() {
    let Some(both) = Both::of_this_process() else { return };
    let arena = both.put(Arena::new_in(16 * 10 + 8, &*both.heap).expect("room"));
    let (chain, vec) = (both.put(Chain::new()), both.vec(&values(500)));
    let (stream, there) = (&both.stream, both.there());
    let built = both.kernels.chain_build(stream, there, (&chain, &arena), &vec);
    assert_eq!(built, Err(KernelError::Full { done: 10 }));
    assert_eq!(chain.iter(&arena).filter(Result::is_ok).count(), 10);
    assert_eq!(chain.push(&arena, 1), Err(KernelError::Full { done: 0 }));
}

#[test]
fn a_kernel_pushes_while_a_thread_pops() {
    let Some(both) = Both::of_this_process() else { return };
    let shares = both.kernels.device().attributes().expect("known").host_atomics;
    let numbers: Vec<u64> = (0..20_000).collect();
    let ring = both.put(ShmMpsc::<u64>::new_in(64, &*both.heap).expect("room"));
    let vec = both.vec(&numbers);
    let (push, others) = if shares { (Push::ANYBODY, 1000) } else { (Push::DEVICE_ONLY, 0) };
    let all = numbers.len() as u64 + others;
    let popped = thread::scope(|scope| {
        scope.spawn(|| (0..others).for_each(|it| ring.push(1 << 32 | it).expect("open")));
        let popping = scope.spawn(|| {
            let mut consumer = ring.consumer().expect("nobody's");
            (0..all).map(|_| consumer.pop().expect("open")).collect::<Vec<_>>()
        });
        let pushed = both.kernels.ring_push(&both.stream, both.there(), &ring, &vec, push);
        assert_eq!(pushed, Ok(numbers.len() as u64));
        popping.join().expect("popped")
    });
    let found: BTreeSet<u64> = popped.iter().copied().collect();
    let wanted = numbers.iter().copied().chain((0..others).map(|it| 1 << 32 | it));
    assert!(popped.len() as u64 == all && found.into_iter().eq(wanted));
    assert_eq!(ring.consumer().expect("free").try_pop(), Err(PopError::Empty));
}

#[test]
fn a_full_or_closed_queue_says_how_far_it_went() {
    let Some(both) = Both::of_this_process() else { return };
    let ring = both.put(ShmMpsc::<u64>::new_in(32, &*both.heap).expect("room"));
    let (vec, push) = (both.vec(&values(100)), Push { tries: 5, ..Push::DEVICE_ONLY });
    let pushed = both.kernels.ring_push(&both.stream, both.there(), &ring, &vec, push);
    assert_eq!(pushed, Err(KernelError::Full { done: 32 }));
    ring.consumer().expect("free").close();
    let pushed = both.kernels.ring_push(&both.stream, both.there(), &ring, &vec, push);
    assert_eq!(pushed, Err(KernelError::Closed { done: 0 }));
    let mut consumer = ring.consumer().expect("free");
    let popped = std::iter::from_fn(|| consumer.try_pop().ok()).count();
    assert_eq!((popped, consumer.try_pop()), (32, Err(PopError::Closed)));
}

#[test]
fn without_common_atomics_only_the_device_may_push() {
    let options = Options { host_atomics: false, same_address: false, ..Options::default() };
    let driver = SimDriver::new(options).expect("a driver");
    let both = Both::new(&Device::with_driver(driver, 0).expect("a device"));
    let ring = both.put(ShmMpsc::<u64>::new_in(128, &*both.heap).expect("room"));
    let vec = both.vec(&values(100));
    let push = |push| both.kernels.ring_push(&both.stream, both.there(), &ring, &vec, push);
    let refused = push(Push::ANYBODY);
    assert!(matches!(refused, Err(KernelError::Gpu(GpuError::Unsupported { .. }))));
    assert_eq!(push(Push::DEVICE_ONLY), Ok(100));
    let mut consumer = ring.consumer().expect("free");
    assert_eq!(std::iter::from_fn(|| consumer.try_pop().ok()).count(), 100);
}

#[test]
fn what_is_elsewhere_is_refused() {
    let Some(both) = Both::of_this_process() else { return };
    let outside = ShmVec::<u64>::new_in(&*both.heap);
    let refused = both.kernels.vec_sum(&both.stream, both.there(), &outside);
    assert_eq!(refused, Err(KernelError::NotInHeap));
    let other = Both::new(
        &Device::with_driver(SimDriver::new(Options::default()).expect("a driver"), 0)
            .expect("a device"),
    );
    let refused = HeapOnDevice::new(&both.heap, other.kernels.device());
    assert!(matches!(refused, Err(KernelError::NotRegistered)));
    let refused = both.kernels.vec_sum(&both.stream, other.there(), &other.vec(&[1]));
    assert_eq!(refused, Err(KernelError::NotRegistered));
}

#[test]
fn kernels_of_a_scope_run_one_after_the_other() {
    let Some(both) = Both::of_this_process() else { return };
    let (kernels, there, numbers) = (&both.kernels, both.there(), values(5000));
    let mut filled = both.vec(&[0; 300]);
    let (vec, list) = (both.vec(&numbers), both.list(&numbers));
    let arena = both.put(Arena::new_in(16 * numbers.len(), &*both.heap).expect("room"));
    let chain = both.put(Chain::new());
    let [mut fill, mut count, mut walk, mut build, mut follow] =
        [(); 5].map(|()| kernels.pending().expect("room"));
    both.stream
        .scope(|scope| {
            fill.launch(scope, Call::vec_fill(there, &mut filled, (7, 2))?)?;
            count.launch(scope, Call::vec_count(there, &vec, numbers[9])?)?;
            walk.launch(scope, Call::list_sum(there, &list)?)?;
            build.launch(scope, Call::chain_build(there, (&chain, &arena), &vec)?)?;
            follow.launch(scope, Call::chain_sum(there, &chain)?)
        })
        .expect("done")
        .expect("asked");
    let all = numbers.len() as u64;
    let summed = Ok(Outcome { value: sum(&numbers), count: all });
    assert_eq!(fill.outcome().map(|it| it.count), Ok(300));
    assert!(filled.as_slice().expect("whole").iter().copied().eq((0..300).map(|it| 7 + 2 * it)));
    assert_eq!(count.outcome(), Ok(Outcome { value: 1, count: all }));
    assert_eq!(build.outcome().map(|it| it.count), Ok(all));
    assert_eq!((walk.outcome(), follow.outcome()), (summed.clone(), summed));
}

#[test]
fn the_processor_goes_on_while_a_kernel_runs() {
    let options = Options { completion: Completion::ByHand, ..Options::default() };
    let driver = SimDriver::new(options).expect("a driver");
    let both = Both::new(&Device::with_driver(driver, 0).expect("a device"));
    let vec = both.vec(&values(100));
    let mut pending = both.kernels.pending().expect("room");
    let not_yet = |outcome| matches!(outcome, Err(KernelError::Unknown { .. }));
    assert!(not_yet(pending.outcome()), "nothing was launched");
    let scope = both.stream.scope(|scope| {
        pending.launch(scope, Call::vec_sum(both.there(), &vec)?)?;
        Ok::<_, KernelError>(scope.stream().record()?.has_happened()?)
    });
    assert_eq!(scope.expect("waited for"), Ok(false), "it runs when it is waited for");
    assert_eq!(pending.outcome().map(|it| it.value), Ok(sum(&values(100))));
}

#[test]
fn a_kernel_that_is_refused_has_no_outcome() {
    let Some(both) = Both::of_this_process() else { return };
    let other = Both::new(
        &Device::with_driver(SimDriver::new(Options::default()).expect("a driver"), 0)
            .expect("a device"),
    );
    let vec = both.vec(&[1, 2, 3]);
    let mut pending = both.kernels.pending().expect("room");
    let mut launch = |stream: &Stream| {
        let launched = stream.scope(|scope| {
            pending.launch(scope, Call::vec_sum(both.there(), &vec).expect("in the heap"))
        });
        (launched.expect("waited for"), pending.outcome())
    };
    let elsewhere = launch(&other.stream);
    assert_eq!(
        elsewhere,
        (Err(KernelError::NotRegistered), Err(KernelError::Unknown { code: u64::MAX }))
    );
    assert_eq!(launch(&both.stream), (Ok(()), Ok(Outcome { value: 6, count: 3 })));
}

#[path = "kernels/damage.rs"]
mod damage;
