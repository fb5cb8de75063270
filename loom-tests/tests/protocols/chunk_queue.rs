//! Queues without a bound: each element once, in order, and no chunk is looked at
//! that was freed.

use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, Release};

use anymem_core::offset::Offset;
use anymem_core::sync::{AtomicInt, Atomics, ChunkQueue, Chunks, NotPopped, Patience, QueueWords};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Process, Shuttle, System, Thread,
    TornExchange, explore, sample, thread,
};

/// Chunks of one element each.
struct Store<M: Model> {
    chunks: Vec<Chunk<M>>,
    /// How many were handed out; only who has the tail's lock appends.
    used: M::Word,
}

struct Chunk<M: Model> {
    next: M::Word,
    first: M::Word,
    freed: M::Word,
    value: M::Word,
    /// What the element owns.
    cell: M::Cell,
}

impl<M: Model> Store<M> {
    fn new(chunks: usize) -> Self {
        let chunk = |_| Chunk {
            next: M::word(0),
            first: M::word(0),
            freed: M::word(0),
            value: M::word(0),
            cell: M::Cell::default(),
        };
        Self { chunks: (0..chunks).map(chunk).collect(), used: M::word(0) }
    }

    fn chunk(&self, at: Offset) -> &Chunk<M> {
        &self.chunks[at.get() - 1]
    }
}

impl<M: Model> Chunks for Store<M> {
    type A = M;
    type Error = ();

    const ROOM: usize = 1;

    fn words(&self, chunk: Offset) -> Result<(&<M as Atomics>::Word, &<M as Atomics>::Word), ()> {
        let chunk = self.chunk(chunk);
        assert_eq!(chunk.freed.load(Relaxed), 0, "a chunk that was freed is used");
        Ok((&chunk.next, &chunk.first))
    }

    fn append(&self, link: &<M as Atomics>::Word, first: usize) -> Result<Offset, ()> {
        let at = Offset::new(self.used.load(Relaxed) + 1);
        self.used.store(at.get(), Relaxed);
        self.chunk(at).first.store(first, Relaxed);
        link.store(at.get(), Release);
        Ok(at)
    }

    fn retire(&self, link: &<M as Atomics>::Word, old: Offset, next: Offset) -> Result<(), ()> {
        link.store(next.get(), Release);
        assert_eq!(self.chunk(old).freed.swap(1, Relaxed), 0, "a chunk is freed twice");
        Ok(())
    }

    fn recover(&self) {}

    fn corrupt(&self) {
        panic!("the numbers make no sense");
    }
}

struct World<M: Model> {
    words: QueueWords<M>,
    chunks: Store<M>,
    system: System<M>,
}

impl<M: Model> World<M> {
    fn new(chunks: usize) -> Arc<Self> {
        let world = Self {
            words: QueueWords::new(|| M::word(0)),
            chunks: Store::new(chunks),
            system: System::new(8, 1),
        };
        world.queue().begin().expect("a chunk");
        Arc::new(world)
    }

    fn queue(&self) -> ChunkQueue<'_, Store<M>> {
        ChunkQueue::new(&self.words, &self.chunks)
    }

    fn process(&self, me: u32) -> Process<'_, M> {
        Process::new(me, &self.system, self.words.slept_on().to_vec())
    }

    fn push_as(&self, process: &Process<'_, M>, value: usize) {
        let pushed = self.queue().push(process, |(chunk, index)| {
            assert_eq!(index, 0);
            let chunk = self.chunks.chunk(chunk);
            chunk.cell.touch();
            chunk.value.store(value, Relaxed);
            Ok(())
        });
        pushed.expect("open");
    }

    fn try_pop(&self, process: &Process<'_, M>) -> Result<usize, NotPopped<()>> {
        self.queue().pop(process, |(chunk, _)| {
            let chunk = self.chunks.chunk(chunk);
            chunk.cell.touch();
            Ok(chunk.value.load(Relaxed))
        })
    }

    fn pop(&self, process: &Process<'_, M>) -> Option<usize> {
        let attempt = || match self.try_pop(process) {
            Err(NotPopped::Empty) => None,
            done => Some(done.ok()),
        };
        self.queue().filled().wait_for(&mut Patience::Endless, process, attempt).expect("endless")
    }
}

fn pushes<M: Model>(
    world: &Arc<World<M>>,
    me: u32,
    values: &'static [usize],
) -> Thread<Vec<usize>> {
    thread(world, move |world| {
        values.iter().for_each(|&value| world.push_as(&world.process(me), value));
        Vec::new()
    })
}

fn pops<M: Model>(world: &Arc<World<M>>, me: u32, count: usize) -> Thread<Vec<usize>> {
    thread(world, move |world| {
        let process = world.process(me);
        (0..count).map_while(|_| world.pop(&process)).collect()
    })
}

fn one_each<M: Model>() {
    let world = World::<M>::new(3);
    let done = M::together(vec![pushes(&world, 1, &[1, 2]), pops(&world, 2, 2)]);
    assert_eq!(done[1], [1, 2]);
}

fn two_push<M: Model>() {
    let world = World::<M>::new(3);
    let all = vec![pushes(&world, 1, &[1]), pushes(&world, 2, &[2]), pops(&world, 3, 2)];
    let mut popped = M::together(all).concat();
    popped.sort_unstable();
    assert_eq!(popped, [1, 2]);
}

fn two_pop<M: Model>() {
    let world = World::<M>::new(3);
    let all = vec![pops(&world, 1, 1), pops(&world, 2, 1), pushes(&world, 3, &[1, 2])];
    let mut popped = M::together(all).concat();
    popped.sort_unstable();
    assert_eq!(popped, [1, 2]);
}

/// Nobody sleeps: what is there was published.
fn one_looks<M: Model>() {
    let world = World::<M>::new(3);
    world.push_as(&world.process(1), 1);
    let looks = thread(&world, |world| {
        let process = world.process(2);
        (0..2).filter_map(|_| world.try_pop(&process).ok()).collect()
    });
    let done: Vec<Vec<usize>> = M::together(vec![pushes(&world, 1, &[2]), looks]);
    assert!(matches!(done[1][..], [1] | [1, 2]));
}

/// As above, with the first element, whose chunk is there.
fn one_looks_first<M: Model>() {
    let world = World::<M>::new(1);
    let looks = thread(&world, |world| world.try_pop(&world.process(2)).into_iter().collect());
    M::together(vec![pushes(&world, 1, &[1]), looks]);
}

/// What was pushed before the end comes out, and then the end is told.
fn is_closed<M: Model>() {
    let world = World::<M>::new(3);
    let closes = thread(&world, |world| {
        let process = world.process(1);
        world.push_as(&process, 1);
        world.queue().close(&process).expect("kept by nobody");
        Vec::new()
    });
    let done = M::together(vec![closes, pops(&world, 2, 9)]);
    assert_eq!(done[1], [1]);
}

fn many<M: Model>() {
    let world = World::<M>::new(14);
    let pushers = (1..=3).map(|me| pushes(&world, me, &[1, 2, 3, 4]));
    let poppers = (4..=6).map(|me| pops(&world, me, 4));
    let mut popped = M::together(pushers.chain(poppers).collect()).concat();
    popped.sort_unstable();
    assert_eq!(popped, [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
}

#[test]
fn loom_one_each() {
    explore(3, one_each::<Loom>);
}

#[test]
fn loom_two_push() {
    explore(2, two_push::<Loom>);
}

#[test]
fn loom_two_pop() {
    explore(2, two_pop::<Loom>);
}

#[test]
fn loom_one_looks() {
    explore(3, one_looks::<Loom>);
    explore(3, one_looks_first::<Loom>);
}

#[test]
fn loom_is_closed() {
    explore(3, is_closed::<Loom>);
}

#[test]
fn shuttle_many() {
    sample(300, many::<Shuttle>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_released() {
    explore(2, one_looks_first::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_acquired() {
    explore(2, one_looks_first::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic]
fn mutant_two_have_a_lock() {
    explore(2, two_push::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_nobody_is_told() {
    explore(2, || {
        let world = World::<Loom>::new(3);
        let mute = thread(&world, |world| {
            world.push_as(&world.process(1).who_wakes_nobody(), 1);
            Vec::new()
        });
        Loom::together(vec![mute, pops(&world, 2, 1)]);
    });
}

/// A chunk that is freed as soon as it is empty, with the tail still in it.
#[test]
#[should_panic(expected = "a chunk that was freed is used")]
fn mutant_the_last_chunk_is_freed() {
    explore(2, || {
        let world = World::<Loom>::new(3);
        world.push_as(&world.process(1), 1);
        let hasty = thread(&world, |world| {
            assert_eq!(world.try_pop(&world.process(2)), Ok(1));
            world.chunks.chunk(Offset::new(1)).freed.store(1, Relaxed);
            Vec::new()
        });
        Loom::together(vec![hasty, pushes(&world, 1, &[2])]);
    });
}
