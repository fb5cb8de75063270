//! Signals: none is lost, whoever dies.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use anymem_core::offset::Offset;
use anymem_core::sync::{Arena, AtomicInt, FairLock, Patience, Signal};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, Process, Shuttle, System, Thread, Words, explore,
    owner, sample, thread,
};

/// A count, its lock, a signal that it grew, and the system.
struct World<M: Model> {
    words: Words<M>,
    system: System<M>,
}

/// In which order somebody waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    PromiseFirst,
    ReleaseFirst,
}

impl<M: Model> World<M> {
    fn new() -> Arc<Self> {
        Arc::new(Self { words: Words::new(5), system: System::new(10, 3) })
    }

    fn word(&self, number: usize) -> &M::Word {
        self.words.word(Offset::new(number * size_of::<usize>()))
    }

    fn lock(&self) -> FairLock<'_, M> {
        FairLock::new(self.word(0), self.word(1), self.word(2))
    }

    fn grown(&self) -> Signal<'_, M> {
        Signal::new(self.word(3))
    }

    fn count(&self) -> &M::Word {
        self.word(4)
    }

    fn process(&self, me: u32) -> Process<'_, M> {
        Process::new(me, &self.system, vec![self.word(0), self.word(1), self.word(3)])
    }

    fn put_as(&self, me: u32, how: fn(&Signal<'_, M>, &Process<'_, M>)) {
        let process = self.process(me);
        let _ = self.lock().acquire(&process);
        self.count().store(self.count().load(Relaxed) + 1, Relaxed);
        self.lock().release(owner(me), &process);
        how(&self.grown(), &process);
    }

    /// Waits for the count to be more than nothing, and lowers it.
    fn take_as(&self, process: &Process<'_, M>, me: u32, order: Order) {
        let _ = self.lock().acquire(process);
        while self.count().load(Relaxed) == 0 {
            let mut promise = self.grown().promise();
            self.lock().release(owner(me), process);
            if order == Order::ReleaseFirst {
                promise = self.grown().promise();
            }
            assert!(self.grown().wait(promise, &mut Patience::Endless, process));
            let _ = self.lock().acquire(process);
        }
        self.count().store(self.count().load(Relaxed) - 1, Relaxed);
        self.lock().release(owner(me), process);
    }
}

fn one<M: Model>(signal: &Signal<'_, M>, process: &Process<'_, M>) {
    signal.give(process);
}

fn all<M: Model>(signal: &Signal<'_, M>, process: &Process<'_, M>) {
    signal.give_all(process);
}

fn puts<M: Model>(
    world: &Arc<World<M>>,
    me: u32,
    how: fn(&Signal<'_, M>, &Process<'_, M>),
) -> Thread<()> {
    thread(world, move |world| world.put_as(me, how))
}

fn takes<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<()> {
    thread(world, move |world| world.take_as(&world.process(me), me, Order::PromiseFirst))
}

fn one_waits<M: Model>(how: fn(&Signal<'_, M>, &Process<'_, M>)) {
    let world = World::<M>::new();
    M::together(vec![takes(&world, 1), puts(&world, 2, how)]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// One puts twice, two wait.
fn two_wait<M: Model>() {
    let world = World::<M>::new();
    let puts_twice = thread(&world, |world| {
        world.put_as(3, one);
        world.put_as(3, one);
    });
    M::together(vec![takes(&world, 1), takes(&world, 2), puts_twice]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// Two put, one waits twice: one of the two may find nobody to wake.
fn two_put<M: Model>() {
    let world = World::<M>::new();
    let takes_twice = thread(&world, |world| {
        let process = world.process(1);
        world.take_as(&process, 1, Order::PromiseFirst);
        world.take_as(&process, 1, Order::PromiseFirst);
    });
    M::together(vec![takes_twice, puts(&world, 2, one), puts(&world, 3, one)]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// The waiter that is woken dies of it; the other one still hears of the count.
fn the_chosen_one_dies<M: Model>() {
    let world = World::<M>::new();
    let chosen = thread(&world, |world| {
        let process = world.process(1).who_dies_asleep();
        // What it has not taken is there for the others.
        if process.run(|process| world.take_as(process, 1, Order::PromiseFirst)).is_some() {
            world.put_as(4, one);
        }
    });
    // So does the other one, for the chosen one may still be asleep.
    let takes_and_puts = thread(&world, |world| {
        world.take_as(&world.process(2), 2, Order::PromiseFirst);
        world.put_as(2, one);
    });
    M::together(vec![chosen, takes_and_puts, puts(&world, 3, one)]);
    assert_eq!(world.count().load(Relaxed), 1);
}

/// What is put and taken without the lock.
impl<M: Model> World<M> {
    fn drop_in(&self) {
        self.count().fetch_add(1, Relaxed);
    }

    fn announce_as(&self, me: u32) {
        self.drop_in();
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

    fn wait_as(&self, process: &Process<'_, M>) {
        let mut patience = Patience::Endless;
        assert!(self.grown().wait_for(&mut patience, process, || self.pick_up()).is_some());
    }
}

fn waits<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<()> {
    thread(world, move |world| world.wait_as(&world.process(me)))
}

fn announces<M: Model>(world: &Arc<World<M>>, me: u32) -> Thread<()> {
    thread(world, move |world| world.announce_as(me))
}

fn one_waits_without_lock<M: Model>() {
    let world = World::<M>::new();
    M::together(vec![waits(&world, 1), announces(&world, 2)]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// One announces twice, two wait.
fn two_wait_without_lock<M: Model>() {
    let world = World::<M>::new();
    let announces_twice = thread(&world, |world| {
        world.announce_as(3);
        world.announce_as(3);
    });
    M::together(vec![waits(&world, 1), waits(&world, 2), announces_twice]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// Two announce, one waits twice.
fn two_announce_without_lock<M: Model>() {
    let world = World::<M>::new();
    let waits_twice = thread(&world, |world| {
        world.wait_as(&world.process(1));
        world.wait_as(&world.process(1));
    });
    M::together(vec![waits_twice, announces(&world, 2), announces(&world, 3)]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// Who was to announce something dies; who waits finds it nevertheless.
fn the_announcer_dies<M: Model>() {
    let world = World::<M>::new();
    let dies = thread(&world, |world| {
        world.drop_in();
        world.process(2).die();
    });
    M::together(vec![waits(&world, 1), dies]);
    assert_eq!(world.count().load(Relaxed), 0);
}

/// Many announce and wait.
fn many_wait_without_lock<M: Model>() {
    let world = World::<M>::new();
    let announces_often =
        |me| thread(&world, move |world| (0..4).for_each(|_| world.announce_as(me)));
    let waits_often = |me| {
        thread(&world, move |world| {
            let process = world.process(me);
            (0..4).for_each(|_| world.wait_as(&process));
        })
    };
    M::together((1..=3).map(announces_often).chain((4..=6).map(waits_often)).collect());
    assert_eq!(world.count().load(Relaxed), 0);
}

/// Many put and take.
fn many_wait<M: Model>() {
    let world = World::<M>::new();
    let put_often = |me| thread(&world, move |world| (0..4).for_each(|_| world.put_as(me, one)));
    let take_often = |me| {
        thread(&world, move |world| {
            let process = world.process(me);
            (0..4).for_each(|_| world.take_as(&process, me, Order::PromiseFirst));
        })
    };
    M::together((1..=3).map(put_often).chain((4..=6).map(take_often)).collect());
    assert_eq!(world.count().load(Relaxed), 0);
}

#[test]
fn loom_one_waits() {
    explore(3, || one_waits::<Loom>(one));
}

#[test]
fn loom_one_waits_for_all() {
    explore(3, || one_waits::<Loom>(all));
}

#[test]
fn loom_two_wait() {
    explore(2, two_wait::<Loom>);
}

#[test]
fn loom_two_put() {
    explore(2, two_put::<Loom>);
}

#[test]
fn loom_the_chosen_one_dies() {
    explore(2, the_chosen_one_dies::<Loom>);
}

#[test]
fn loom_one_waits_without_lock() {
    explore(None, one_waits_without_lock::<Loom>);
}

#[test]
fn loom_two_wait_without_lock() {
    explore(2, two_wait_without_lock::<Loom>);
}

#[test]
fn loom_two_announce_without_lock() {
    // The third switch lets one fall asleep between waking nobody and saying so.
    explore(3, two_announce_without_lock::<Loom>);
}

#[test]
fn loom_the_announcer_dies() {
    explore(3, the_announcer_dies::<Loom>);
}

#[test]
fn shuttle_many_wait_without_lock() {
    sample(300, many_wait_without_lock::<Shuttle>);
}

#[test]
fn shuttle_many_wait() {
    sample(300, many_wait::<Shuttle>);
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_the_promise_comes_late() {
    explore(2, || {
        let world = World::<Loom>::new();
        let late = thread(&world, |world: &World<Loom>| {
            world.take_as(&world.process(1), 1, Order::ReleaseFirst);
        });
        Loom::together(vec![late, puts(&world, 2, one)]);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_the_signal_wakes_nobody() {
    explore(2, || {
        let world = World::<Loom>::new();
        let mute = thread(&world, |world: &World<Loom>| {
            let _ = world.lock().acquire(&world.process(2));
            world.count().store(1, Relaxed);
            world.lock().release(owner(2), &world.process(2));
            world.grown().give(&world.process(2).who_wakes_nobody());
        });
        Loom::together(vec![takes(&world, 1), mute]);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_the_look_comes_before_the_promise() {
    explore(3, || {
        let world = World::<Loom>::new();
        let rash = thread(&world, |world: &World<Loom>| {
            let process = world.process(1);
            while world.pick_up().is_none() {
                let promise = world.grown().promise();
                let _ = world.grown().wait(promise, &mut Patience::Endless, &process);
            }
        });
        Loom::together(vec![rash, announces(&world, 2)]);
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_announcements_release_nothing() {
    explore(3, one_waits_without_lock::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "deadlock")]
fn mutant_promises_acquire_nothing() {
    explore(3, one_waits_without_lock::<Flawed<Loom, NoAcquire>>);
}
