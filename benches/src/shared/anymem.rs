//! The jobs in a heap of ours.

use core::{alloc::Layout, error::Error, hint::black_box};

use anymem::{
    SharedHeap,
    allocator::Allocator,
    container::{ShmHashMap, ShmVec},
    thread::Context,
};

use super::{
    job::{ELEMENTS, FIND_KEYS, Job, KEYS, PUSHES},
    queue,
    segment::Segment,
    serve::{Part, Work, answer},
    topic,
};
use crate::workloads::Rng;

pub(super) fn serve(part: &Part) -> Result<(), Box<dyn Error>> {
    let segment = Segment::of(part)?;
    let heap = segment.heap();
    answer(match part.job {
        Job::Pair(_) => pair(heap),
        Job::Map(_) => map(heap, part.number)?,
        Job::Find => find(heap)?,
        Job::VecPush => push(heap),
        Job::VecPushOpened => push_opened(heap),
        Job::VecIterate => iterate(&heap)?,
        Job::RoundTrip(waiting) => queue::round_trips(heap, waiting, part.number)?,
        Job::HandOver(message) => topic::hand_overs(heap, message, part.number)?,
    })
}

fn pair(heap: SharedHeap) -> Work {
    let layout = Layout::new::<[u64; 8]>();
    Box::new(move |operations| {
        for _ in 0..operations {
            let at = black_box(heap.allocate(Context::DEFAULT, layout)?);
            // SAFETY: allocated just now, and used by nobody.
            unsafe { heap.free(Context::DEFAULT, at, layout) }?;
        }
        Ok(())
    })
}

fn map(heap: SharedHeap, number: usize) -> Result<Work, Box<dyn Error>> {
    let map = heap.root_or_create("map", ShmHashMap::<u64, u64>::new_in)?;
    if number == 0 {
        (0..KEYS as u64).step_by(2).try_for_each(|key| map.insert(key, key).map(drop))?;
    }
    let mut rng = Rng::new(number as u64);
    Ok(Box::new(move |operations| {
        let map = heap.root::<ShmHashMap<u64, u64>>("map")?;
        let map = map.open()?;
        for _ in 0..operations {
            let (what, key) = (rng.below(4), rng.below(KEYS) as u64);
            black_box(match what {
                0 | 1 => map.get(&key)?,
                2 => map.insert(key, key)?,
                _ => map.remove(&key)?,
            });
        }
        Ok(())
    }))
}

fn find(heap: SharedHeap) -> Result<Work, Box<dyn Error>> {
    let map = heap.root_or_create("map", ShmHashMap::<u64, u64>::new_in)?;
    (0..FIND_KEYS as u64).try_for_each(|key| map.insert(key, key).map(drop))?;
    let mut rng = Rng::new(0);
    Ok(Box::new(move |operations| {
        let map = heap.root::<ShmHashMap<u64, u64>>("map")?;
        let map = map.open()?;
        for _ in 0..operations {
            black_box(map.get(&(rng.below(FIND_KEYS) as u64))?);
        }
        Ok(())
    }))
}

fn push(heap: SharedHeap) -> Work {
    Box::new(move |operations| {
        let mut rest = operations;
        while rest > 0 {
            let turn = rest.min(PUSHES);
            let mut vector = ShmVec::new_in(&heap);
            (0..turn).try_for_each(|number| vector.push(black_box(number)))?;
            black_box(&vector);
            rest -= turn;
        }
        Ok(())
    })
}

fn push_opened(heap: SharedHeap) -> Work {
    Box::new(move |operations| {
        let mut rest = operations;
        while rest > 0 {
            let turn = rest.min(PUSHES);
            let mut vector = ShmVec::new_in(&heap);
            let mut opened = vector.open()?;
            (0..turn).try_for_each(|number| opened.push(black_box(number)))?;
            black_box(&vector);
            rest -= turn;
        }
        Ok(())
    })
}

fn iterate(heap: &SharedHeap) -> Result<Work, Box<dyn Error>> {
    let numbers: Vec<u64> = (0..ELEMENTS as u64).collect();
    let vector = ShmVec::from_slice_in(&numbers, heap)?;
    Ok(Box::new(move |operations| {
        let mut rest = operations as usize;
        while rest > 0 {
            let turn = rest.min(ELEMENTS);
            black_box(black_box(&vector).iter()?.take(turn).sum::<u64>());
            rest -= turn;
        }
        Ok(())
    }))
}
