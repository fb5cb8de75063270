//! Tasks that wait for a signal: they are woken as threads are, though a thread sleeps
//! for them.

use std::sync::{Arc, atomic::Ordering::Relaxed};
use std::task::{Context, Waker};

use anymem_core::offset::Offset;
use anymem_core::sync::{Arena, AtomicInt, Patience, Signal};
use anymem_core::thread::Watch;
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, Process, Shuttle, System, Thread, Words, explore,
    sample, thread,
};

/// A count, and a signal that it grew.
struct World<M: Model> {
    words: Words<M>,
    system: System<M>,
}

impl<M: Model> World<M> {
    fn new() -> Arc<Self> {
        Arc::new(Self { words: Words::new(2), system: System::new(10, 1) })
    }

    fn word(&self, number: usize) -> &M::Word {
        self.words.word(Offset::new(number * size_of::<usize>()))
    }

    fn grown(&self) -> Signal<'_, M> {
        Signal::new(self.word(0))
    }

    fn count(&self) -> &M::Word {
        self.word(1)
    }

    fn process(&self, me: u32) -> Process<'_, M> {
        Process::new(me, &self.system, vec![self.word(0)])
    }

    fn put_as(&self, me: u32) {
        self.count().fetch_add(1, Relaxed);
        self.grown().announce(1, &self.process(me));
    }

    fn pick_up(&self) -> Option<()> {
        loop {
            let seen = self.count().load(Relaxed);
            let next = seen.checked_sub(1)?;
            if self.count().compare_exchange(seen, next, Relaxed, Relaxed).is_ok() {
                return Some(());
            }
        }
    }

    /// Polls a task; whether it picked something up.
    fn poll(&self, watch: &mut Option<Watch>, process: &Process<'_, M>) -> bool {
        let cx = Context::from_waker(Waker::noop());
        self.grown().poll_for(watch, process, &cx, || self.pick_up()).is_ready()
    }

    /// Runs a task that picks something up.
    fn run_task_as(&self, me: u32) {
        let (process, mut watch) = (self.process(me), None);
        while !self.poll(&mut watch, &process) {
            process.watch_over();
        }
    }

    /// Runs a task that is dropped when its waker was called.
    fn drop_task_as(&self, me: u32, ending: fn(&Process<'_, M>, &M::Word)) {
        let process = self.process(me);
        if self.poll(&mut None, &process) {
            return self.put_as(me);
        }
        process.watch_over();
        ending(&process, self.word(0));
    }

    fn wait_as(&self, me: u32) {
        let (mut patience, process) = (Patience::Endless, self.process(me));
        assert!(self.grown().wait_for(&mut patience, &process, || self.pick_up()).is_some());
    }
}

fn runs<M: Model>(world: &Arc<World<M>>, me: u32, tasks: u32) -> Thread<()> {
    thread(world, move |world| (0..tasks).for_each(|_| world.run_task_as(me)))
}

fn puts<M: Model>(world: &Arc<World<M>>, me: u32, often: u32) -> Thread<()> {
    thread(world, move |world| (0..often).for_each(|_| world.put_as(me)))
}

fn one_task<M: Model>() {
    let world = World::<M>::new();
    M::together(vec![runs(&world, 1, 1), puts(&world, 2, 1)]);
    assert_eq!(world.count().load(Relaxed), 0);
}

fn two_tasks<M: Model>() {
    let world = World::<M>::new();
    M::together(vec![runs(&world, 1, 1), runs(&world, 2, 1), puts(&world, 3, 2)]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// Two put, and one task after the other waits.
fn two_put<M: Model>() {
    let world = World::<M>::new();
    M::together(vec![runs(&world, 1, 2), puts(&world, 2, 1), puts(&world, 3, 1)]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// A task and a thread wait for one value each.
fn a_task_and_a_thread<M: Model>() {
    let world = World::<M>::new();
    let waits = thread(&world, |world| world.wait_as(2));
    M::together(vec![runs(&world, 1, 1), waits, puts(&world, 3, 2)]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// The task that is woken is dropped; a thread still hears of the count.
fn the_chosen_one_is_dropped<M: Model>(ending: fn(&Process<'_, M>, &M::Word)) {
    let world = World::<M>::new();
    let dropped = thread(&world, move |world| world.drop_task_as(1, ending));
    // Puts it back, for the other one may still be asleep.
    let waits_and_puts = thread(&world, |world| {
        world.wait_as(2);
        world.put_as(2);
    });
    M::together(vec![dropped, waits_and_puts, puts(&world, 3, 1)]);
    assert_eq!(world.count().load(Relaxed), 1);
}

fn many<M: Model>() {
    let world = World::<M>::new();
    let puts = (1..=3).map(|me| puts(&world, me, 4));
    M::together(puts.chain((4..=6).map(|me| runs(&world, me, 4))).collect());
    assert_eq!(world.count().load(Relaxed), 0);
}

#[test]
fn loom_one_task() {
    explore(None, one_task::<Loom>);
}

#[test]
fn loom_two_tasks() {
    explore(2, two_tasks::<Loom>);
}

#[test]
fn loom_two_put() {
    explore(3, two_put::<Loom>);
}

#[test]
fn loom_a_task_and_a_thread() {
    explore(2, a_task_and_a_thread::<Loom>);
}

#[test]
fn loom_the_chosen_one_is_dropped() {
    explore(2, || the_chosen_one_is_dropped::<Loom>(|process, word| process.drop_task(word)));
}

#[test]
fn shuttle_many() {
    sample(300, many::<Shuttle>);
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_a_dropped_task_tells_nobody() {
    explore(2, || the_chosen_one_is_dropped::<Loom>(|_, _| {}));
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_announcements_release_nothing() {
    explore(3, one_task::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_polls_acquire_nothing() {
    explore(3, one_task::<Flawed<Loom, NoAcquire>>);
}
