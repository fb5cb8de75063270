//! The lock that outlives its holder: one at a time, and one who inherits.
//!
//! It is what stands between the processes that use a shard of a map.

use std::{
    sync::{
        Arc,
        atomic::Ordering::{Acquire, Release},
    },
    time::Duration,
};

use anymem_core::{
    offset::Offset,
    sync::{Acquired, Arena, AtomicInt, RobustLock},
    thread::{Liveness, Owner, ThreadId, ThreadModel},
};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, Thread, TornExchange, Words, explore,
    sample, thread,
};

const fn owner(number: u32) -> Owner {
    Owner { pid: number, start: number as u64 * 11 }
}

/// A lock, what it protects, and the system's list of the dead.
struct World<M: Model> {
    words: Words<M>,
    cell: M::Cell,
}

impl<M: Model> World<M> {
    fn new() -> Arc<Self> {
        Arc::new(Self { words: Words::new(16), cell: M::Cell::default() })
    }

    fn lock(&self) -> RobustLock<'_, M> {
        RobustLock::at(&self.words, Offset::new(size_of::<usize>()))
    }

    fn death_of(&self, who: Owner) -> &M::Word {
        self.words.word(Offset::new((2 + who.pid as usize) * size_of::<usize>()))
    }

    /// Ends a process: what it did is visible once it is known to be dead.
    fn die(&self, who: Owner) {
        self.death_of(who).store(1, Release);
    }

    fn use_as(&self, me: u32) -> Acquired {
        let guard = self.lock().lock(&Process { world: self, me: owner(me) });
        self.cell.touch();
        guard.acquired()
    }

    /// Takes the lock if it can be had now, and uses what it protects.
    fn try_as(&self, me: u32) -> Option<Acquired> {
        let acquired = self.lock().try_acquire(owner(me), self)?;
        self.cell.touch();
        self.lock().release();
        Some(acquired)
    }

    /// Takes the lock, if it can be had now, and dies holding it.
    fn die_holding(&self, me: u32) -> Option<Acquired> {
        let acquired = self.lock().try_acquire(owner(me), self)?;
        self.cell.touch();
        self.die(owner(me));
        Some(acquired)
    }
}

impl<M: Model> Liveness for World<M> {
    fn is_alive(&self, who: Owner) -> bool {
        self.death_of(who).load(Acquire) == 0
    }
}

/// A process of the world, with what a waiter needs.
struct Process<'a, M: Model> {
    world: &'a World<M>,
    me: Owner,
}

impl<M: Model> Liveness for Process<'_, M> {
    fn is_alive(&self, who: Owner) -> bool {
        self.world.is_alive(who)
    }
}

impl<M: Model> ThreadModel for Process<'_, M> {
    fn thread_id(&self) -> ThreadId {
        ThreadId(1)
    }

    fn owner(&self) -> Owner {
        self.me
    }

    fn yield_now(&self) {
        M::spin_hint();
    }

    fn sleep(&self, _time: Duration) {
        M::spin_hint();
    }
}

fn tries<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<Option<Acquired>> {
    thread(world, move |world| world.try_as(me))
}

fn recovered(all: &[Option<Acquired>]) -> usize {
    all.iter().filter(|acquired| matches!(acquired, Some(Acquired::Recovered(_)))).count()
}

/// Two threads take the lock, and wait for each other.
fn one_at_a_time<M: Model>(first: u32, second: u32) {
    let world = World::<M>::new();
    let uses = |me| thread(&world, move |world| world.use_as(me));
    let done = M::together(vec![uses(first), uses(second)]);
    assert!(done.iter().all(|&acquired| acquired == Acquired::Free));
    assert!(world.lock().holder().is_none());
}

/// Three threads try the lock, and give up if another one has it.
fn three_try<M: Model>() {
    let world = World::<M>::new();
    let done = M::together(vec![tries(&world, 1), tries(&world, 2), tries(&world, 3)]);
    assert!(done.iter().any(Option::is_some));
    assert_eq!(recovered(&done), 0, "nobody died");
}

/// A holder dies; two others want the lock.
fn one_inherits<M: Model>() {
    let world = World::<M>::new();
    assert!(world.die_holding(1).is_some());
    let mut done = M::together(vec![tries(&world, 2), tries(&world, 3)]);
    done.push(world.try_as(4));
    assert_eq!(recovered(&done), 1, "one death, one heir");
    assert!(world.lock().holder().is_none());
}

/// A holder dies while two others want the lock.
fn death_among_contenders<M: Model>() {
    let world = World::<M>::new();
    let dies = thread(&world, |world| world.die_holding(1));
    let mut done = M::together(vec![tries(&world, 2), tries(&world, 3), dies]);
    let died = usize::from(done[2].is_some());
    done.push(world.try_as(4));
    assert_eq!(recovered(&done), died, "one death, one heir");
}

/// An heir dies as well; another one inherits from it.
fn an_heir_dies<M: Model>() {
    let world = World::<M>::new();
    assert!(world.die_holding(1).is_some());
    let dies = thread(&world, |world| world.die_holding(2));
    let mut done = M::together(vec![dies, tries(&world, 3)]);
    done.push(world.try_as(4));
    // The first death has one heir; the second one, if it held the lock.
    assert_eq!(recovered(&done), 1 + usize::from(done[0].is_some()), "one death, one heir");
    assert!(world.lock().holder().is_none());
}

/// Many threads take the lock again and again; two processes die holding it.
fn many_contend<M: Model>() {
    let world = World::<M>::new();
    let uses = |me| {
        thread(&world, move |world| {
            let heir = |_| usize::from(world.use_as(me) != Acquired::Free);
            (0..4).map(heir).sum::<usize>()
        })
    };
    let dies = |me| {
        thread(&world, move |world| {
            let process = Process { world, me: owner(me) };
            let heir = world.lock().acquire(&process) != Acquired::Free;
            world.cell.touch();
            world.die(owner(me));
            usize::from(heir)
        })
    };
    let heirs: usize =
        M::together((1..=4).map(uses).chain((5..=6).map(dies)).collect()).into_iter().sum();
    let left = usize::from(world.use_as(7) != Acquired::Free);
    assert_eq!(heirs + left, 2, "one death, one heir");
}

#[test]
fn loom_one_at_a_time() {
    explore(None, || one_at_a_time::<Loom>(1, 2));
}

#[test]
fn loom_one_at_a_time_within_a_process() {
    explore(None, || one_at_a_time::<Loom>(1, 1));
}

#[test]
fn loom_three_try() {
    explore(3, three_try::<Loom>);
}

#[test]
fn loom_one_inherits() {
    explore(None, one_inherits::<Loom>);
}

#[test]
fn loom_death_among_contenders() {
    explore(3, death_among_contenders::<Loom>);
}

#[test]
fn loom_an_heir_dies() {
    explore(None, an_heir_dies::<Loom>);
}

#[test]
fn shuttle_many_contend() {
    sample(300, many_contend::<Shuttle>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_acquire_is_torn() {
    explore(3, three_try::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_release_does_not_publish() {
    explore(3, three_try::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_acquire_does_not_acquire() {
    explore(3, three_try::<Flawed<Loom, NoAcquire>>);
}

/// Two contenders find the holder dead, and both store their names.
#[test]
#[should_panic(expected = "one death, one heir")]
fn mutant_take_over_is_blind() {
    explore(None, || {
        let world = World::<Flawed<Loom, TornExchange>>::new();
        assert!(world.die_holding(1).is_some());
        let inherits = |me| thread(&world, move |world| world.lock().try_acquire(owner(me), world));
        let done = Flawed::<Loom, TornExchange>::together(vec![inherits(2), inherits(3)]);
        assert_eq!(recovered(&done), 1, "one death, one heir");
    });
}

#[test]
#[should_panic(expected = "two owners at a time")]
fn mutant_acquire_is_torn_among_many() {
    sample(300, many_contend::<Flawed<Shuttle, TornExchange>>);
}
