//! Threads of the device in a heap, and the processor at the same.

use std::time::{Duration, Instant};

use anymem::{
    HeapOptions, Size,
    container::{ShmBox, ShmList, ShmMpsc, ShmSafe, ShmVec},
};
use anymem_gpu::{
    Device, RegisteredHeap, Stream,
    kernels::{Arena, Chain, HeapOnDevice, Kernels, Push},
};

use super::{blocks::Sample, job::Kernel, target::said};

/// Elements of a list, a vector and a queue.
const ELEMENTS: usize = 1 << 14;

/// Bytes of a heap for them.
const HEAP: Size = Size::mib(8);

/// Bytes that a chain takes for each element.
const NODE: usize = 16;

/// A sample of threads of the device.
pub(super) fn by_device(device: &Device, kernel: Kernel) -> Result<Sample<'static>, String> {
    let kernels = Kernels::load(device).map_err(said)?;
    let shares = device.attributes().map_err(said)?.host_atomics;
    let push = if shares { Push::ANYBODY } else { Push::DEVICE_ONLY };
    let (stream, mut values) = (Stream::new(device).map_err(said)?, Values::new(device)?);
    Ok(Box::new(move |operations| {
        values.timed(operations, |values| {
            let there = HeapOnDevice::new(&values.heap, kernels.device()).map_err(said)?;
            let numbers = values.numbers.get().map_err(said)?;
            let done = match kernel {
                Kernel::Walk => {
                    let list = values.list.get().map_err(said)?;
                    kernels.list_sum(&stream, there, list).map(|sum| sum.count)
                }
                Kernel::Take => {
                    let places = (values.chain.get(), values.arena.get());
                    let places = (places.0.map_err(said)?, places.1.map_err(said)?);
                    kernels.chain_build(&stream, there, places, numbers)
                }
                Kernel::Push => {
                    let ring = values.ring.get().map_err(said)?;
                    kernels.ring_push(&stream, there, ring, numbers, push)
                }
            };
            done.map_err(said)
        })
    }))
}

/// A sample of a thread of the processor, in such a heap.
pub(super) fn by_processor(device: &Device, kernel: Kernel) -> Result<Sample<'static>, String> {
    let mut values = Values::new(device)?;
    Ok(Box::new(move |operations| {
        values.timed(operations, |values| {
            let numbers = values.numbers.get().and_then(ShmVec::as_slice).map_err(said)?;
            match kernel {
                Kernel::Walk => return values.walked(),
                Kernel::Take => {
                    let arena = values.arena.get().map_err(said)?;
                    let chain = values.chain.get().map_err(said)?;
                    numbers.iter().try_for_each(|it| chain.push(arena, *it)).map_err(said)?;
                }
                Kernel::Push => {
                    let ring = values.ring.get().map_err(said)?;
                    numbers.iter().try_for_each(|it| ring.push(*it)).map_err(said)?;
                }
            }
            Ok(numbers.len() as u64)
        })
    }))
}

/// What is in the heap.
struct Values {
    numbers: ShmBox<ShmVec<u64>>,
    list: ShmBox<ShmList<u64>>,
    arena: ShmBox<Arena>,
    chain: ShmBox<Chain>,
    ring: ShmBox<ShmMpsc<u64>>,
    /// Goes last, for the others are in it.
    heap: RegisteredHeap,
}

impl Values {
    fn new(device: &Device) -> Result<Self, String> {
        let heap = HeapOptions::new().resident(true).create_memfd("compare", HEAP).map_err(said)?;
        let heap = RegisteredHeap::new(heap, [device]).map_err(said)?;
        let numbers = 0..ELEMENTS as u64;
        Ok(Self {
            numbers: put(ShmVec::from_iter_in(numbers.clone(), &*heap), &heap)?,
            list: put(ShmList::from_iter_in(numbers, &*heap), &heap)?,
            arena: put(Arena::new_in(NODE * ELEMENTS, &*heap), &heap)?,
            chain: put(Ok::<_, String>(Chain::new()), &heap)?,
            ring: put(ShmMpsc::new_in(ELEMENTS, &*heap), &heap)?,
            heap,
        })
    }

    /// The nanoseconds of an element, where `once` does all of them and tells how many they were.
    fn timed(
        &mut self,
        operations: u64,
        once: impl Fn(&Self) -> Result<u64, String>,
    ) -> Result<f64, String> {
        let (mut time, mut done) = (Duration::ZERO, 0);
        while done < operations {
            let start = Instant::now();
            let elements = once(self)?;
            time += start.elapsed();
            if elements != ELEMENTS as u64 {
                return Err(format!("{elements} elements of {ELEMENTS} were done"));
            }
            done += elements;
            self.clear()?;
        }
        Ok(time.as_secs_f64() * 1e9 / done as f64)
    }

    /// Follows the list; how many elements add up to what they should.
    fn walked(&self) -> Result<u64, String> {
        let list = self.list.get().and_then(ShmList::iter).map_err(said)?;
        let (count, sum) = list.fold((0, 0), |(count, sum), it| (count + 1, sum + it));
        if sum == count * (count - 1) / 2 { Ok(count) } else { Err(format!("the sum {sum}")) }
    }

    /// Takes back what was put in.
    fn clear(&mut self) -> Result<(), String> {
        self.chain.get_mut().map_err(said)?.clear();
        self.arena.get_mut().map_err(said)?.clear();
        let mut consumer = self.ring.get().map_err(said)?.consumer().map_err(said)?;
        while consumer.try_pop().is_ok() {}
        Ok(())
    }
}

fn put<T: ShmSafe>(
    value: Result<T, impl ToString>,
    heap: &RegisteredHeap,
) -> Result<ShmBox<T>, String> {
    ShmBox::new_in(value.map_err(said)?, &**heap).map_err(said)
}
