//! Topics: each message to those who are to have it, and each block lent again, or
//! freed once, after the last of them.

use std::mem::forget;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use anymem_core::sync::{AtomicInt, Blocks, Held, MessageTable, Mode, Overflow, Patience, Signal};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Process, Shuttle, System, Thread,
    TornExchange, Words, explore, owner, sample, thread,
};

const MESSAGES: usize = 2;
const RECEIVERS: usize = 2;

/// Locks are held for some steps.
const KEPT: &str = "kept by nobody";

struct World<M: Model> {
    words: Words<M>,
    mode: Mode,
    /// What the blocks hold, by the entry that names them.
    cells: Vec<M::Cell>,
    /// How many blocks were made less those that were freed.
    blocks: M::Word,
    system: System<M>,
}

impl<M: Model> Blocks for World<M> {
    fn recover(&self) {}
}

impl<M: Model> World<M> {
    fn new(mode: Mode) -> Arc<Self> {
        Arc::new(Self {
            words: Words::new(MessageTable::<Words<M>>::words(MESSAGES, RECEIVERS)),
            mode,
            cells: (0..MESSAGES).map(|_| M::Cell::default()).collect(),
            blocks: M::word(0),
            system: System::new(8, 2),
        })
    }

    fn table(&self) -> MessageTable<'_, Words<M>> {
        MessageTable::new(&self.words, MESSAGES, RECEIVERS, self.mode)
    }

    fn process(&self, me: u32) -> Process<'_, M> {
        Process::new(me, &self.system, self.table().slept_on().to_vec())
    }

    fn join(&self, me: u32, limit: usize) -> usize {
        let table = self.table();
        let locked = table.lock(&self.process(me), self).expect(KEPT);
        locked.join(owner(me).to_word(), limit, Overflow::DropOldest).expect("room")
    }

    fn until<R>(
        &self,
        signal: Signal<'_, M>,
        process: &Process<'_, M>,
        look: impl FnMut() -> Option<R>,
    ) -> R {
        signal.wait_for(&mut Patience::Endless, process, look).expect("endless")
    }

    /// Frees the block that an entry names, if there is one.
    fn free(&self, entry: usize) {
        let link = self.table().link(entry);
        if link.load(Acquire) == 0 {
            return;
        }
        self.cells[entry].touch();
        assert_ne!(link.swap(0, Release), 0, "a block is freed twice");
        self.blocks.fetch_add(usize::MAX, Relaxed);
    }

    /// Frees the blocks that nobody uses.
    fn trim(&self, me: u32) {
        let table = self.table();
        let locked = table.lock(&self.process(me), self).expect(KEPT);
        locked.spares().for_each(|entry| self.free(entry));
    }

    /// Has an entry lent, with a block for `len` values.
    fn lend(&self, me: u32, len: usize) -> usize {
        let (table, process) = (self.table(), self.process(me));
        let look = || table.lock(&process, self).expect(KEPT).lend(owner(me).to_word(), len);
        let entry = self.until(table.room(), &process, look);
        if !table.fits(entry, len) {
            self.free(entry);
            table.capacity(entry).store(len, Release);
            table.link(entry).store(1, Release);
            self.blocks.fetch_add(1, Relaxed);
        }
        self.cells[entry].touch();
        entry
    }

    /// Drops the message of an entry that is lent, and gives that back.
    fn give_back(&self, me: u32, entry: usize) {
        self.cells[entry].touch();
        self.table().give_back(entry);
        self.table().room().announce(u32::MAX, &self.process(me));
    }

    fn publish(&self, me: u32, entry: usize) {
        let (table, process) = (self.table(), self.process(me));
        loop {
            let published =
                table.lock(&process, self).expect(KEPT).publish(entry, owner(me).to_word());
            match published {
                Ok(0) => return self.give_back(me, entry),
                Ok(_) => return table.queued().announce(u32::MAX, &process),
                Err(Held::Evicted(entry)) => self.give_back(me, entry),
                Err(error) => panic!("{error:?}"),
            }
        }
    }

    fn receive(&self, me: u32, receiver: usize) -> usize {
        let (table, process) = (self.table(), self.process(me));
        let look = || {
            let locked = table.lock(&process, self).expect(KEPT);
            if locked.is_any_held(receiver) {
                locked.repair(&process, self);
            }
            locked.receive(receiver)
        };
        let entry = self.until(table.queued(), &process, look);
        self.cells[entry].look();
        entry
    }

    fn release(&self, me: u32, receiver: usize, entry: usize) {
        let (table, process) = (self.table(), self.process(me));
        let is_last =
            table.lock(&process, self).expect(KEPT).release(receiver, entry, owner(me).to_word());
        if is_last {
            self.give_back(me, entry);
        }
    }

    /// All is as at first, once the dead are taken from.
    fn assert_empty(&self) {
        let table = self.table();
        table.lock(&self.process(7), self).expect(KEPT).repair(&self.process(7), self);
        self.trim(7);
        assert_eq!(self.blocks.load(Relaxed), 0, "a block is lost");
        assert_eq!(table.in_use(), 0);
    }
}

fn sends<M: Model>(world: &Arc<World<M>>, me: u32, count: usize) -> Thread<()> {
    thread(world, move |world| {
        for _ in 0..count {
            let entry = world.lend(me, 1);
            world.publish(me, entry);
        }
    })
}

fn receives<M: Model>(world: &Arc<World<M>>, me: u32, receiver: usize, count: usize) -> Thread<()> {
    thread(world, move |world| {
        for _ in 0..count {
            let entry = world.receive(me, receiver);
            world.release(me, receiver, entry);
        }
    })
}

/// Two get the same message; whoever is last frees it.
fn for_each<M: Model>() {
    let world = World::<M>::new(Mode::Each { history: 0 });
    let (first, second) = (world.join(1, 2), world.join(2, 2));
    world.publish(3, world.lend(3, 1));
    M::together(vec![receives(&world, 1, first, 1), receives(&world, 2, second, 1)]);
    world.assert_empty();
}

/// More messages than there is room for go to one.
fn for_one<M: Model>() {
    let world = World::<M>::new(Mode::One);
    let receiver = world.join(1, 2);
    M::together(vec![receives(&world, 1, receiver, 3), sends(&world, 2, 3)]);
    world.assert_empty();
}

/// One that takes a message only loses the older one while it looks at it.
fn evicted<M: Model>() {
    let world = World::<M>::new(Mode::Each { history: 0 });
    let receiver = world.join(1, 1);
    world.publish(2, world.lend(2, 1));
    M::together(vec![receives(&world, 1, receiver, 1), sends(&world, 2, 1)]);
    let table = world.table();
    let left =
        table.lock(&world.process(1), &*world).expect(KEPT).leave(receiver, owner(1).to_word());
    left.into_iter().for_each(|entry| world.give_back(1, entry));
    world.assert_empty();
}

/// A receiver dies with a message in its hands: another gets it.
fn a_receiver_dies<M: Model>() {
    let world = World::<M>::new(Mode::One);
    let (first, second) = (world.join(1, 2), world.join(2, 2));
    world.publish(3, world.lend(3, 1));
    let dies = thread(&world, move |world| {
        let table = world.table();
        if let Some(entry) = table.lock(&world.process(1), world).expect(KEPT).receive(first) {
            world.cells[entry].look();
        }
        world.process(1).die();
        // Whoever would find the death after a while is told of it.
        table.queued().announce(u32::MAX, &world.process(1));
    });
    M::together(vec![dies, receives(&world, 2, second, 1)]);
    world.assert_empty();
}

/// One dies under the lock, with a message lent: both come back.
fn a_lender_dies<M: Model>() {
    let world = World::<M>::new(Mode::One);
    world.lend(2, 1);
    let dies = thread(&world, |world| {
        let table = world.table();
        forget(table.lock(&world.process(2), world).expect(KEPT));
        world.process(2).die();
    });
    M::together(vec![dies, sends(&world, 3, 1)]);
    let receiver = world.join(1, 2);
    world.release(1, receiver, world.receive(1, receiver));
    world.assert_empty();
}

/// One block is lent again or replaced, while another frees what is spare.
fn trimmed<M: Model>(len: usize) {
    let world = World::<M>::new(Mode::One);
    world.give_back(1, world.lend(1, 1));
    let lends = thread(&world, move |world| world.give_back(1, world.lend(1, len)));
    let trims = thread(&world, |world| world.trim(2));
    M::together(vec![lends, trims]);
    world.assert_empty();
}

/// One dies with a block that is spare in its hands, under the lock.
fn a_trimmer_dies<M: Model>() {
    let world = World::<M>::new(Mode::One);
    world.give_back(1, world.lend(1, 1));
    let dies = thread(&world, |world| {
        let table = world.table();
        let locked = table.lock(&world.process(2), world).expect(KEPT);
        locked.spares().take(1).for_each(|entry| world.free(entry));
        forget(locked);
        world.process(2).die();
    });
    M::together(vec![dies, sends(&world, 3, 1)]);
    let receiver = world.join(1, 2);
    world.release(1, receiver, world.receive(1, receiver));
    world.assert_empty();
}

fn many<M: Model>() {
    let world = World::<M>::new(Mode::One);
    let (first, second) = (world.join(1, 2), world.join(2, 2));
    M::together(vec![
        receives(&world, 1, first, 4),
        receives(&world, 2, second, 4),
        sends(&world, 3, 4),
        sends(&world, 4, 4),
        thread(&world, |world| (0..4).for_each(|_| world.trim(5))),
    ]);
    world.assert_empty();
}

#[test]
fn loom_for_each() {
    explore(2, for_each::<Loom>);
}

#[test]
fn loom_for_one() {
    explore(1, for_one::<Loom>);
}

#[test]
fn loom_evicted() {
    explore(2, evicted::<Loom>);
}

#[test]
fn loom_a_receiver_dies() {
    explore(2, a_receiver_dies::<Loom>);
}

#[test]
fn loom_a_lender_dies() {
    explore(2, a_lender_dies::<Loom>);
}

#[test]
fn loom_trimmed() {
    explore(None, || trimmed::<Loom>(1));
    explore(None, || trimmed::<Loom>(4));
}

#[test]
fn loom_a_trimmer_dies() {
    explore(2, a_trimmer_dies::<Loom>);
}

#[test]
fn shuttle_many() {
    sample(200, many::<Shuttle>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_released() {
    explore(2, evicted::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_nothing_is_acquired() {
    explore(2, evicted::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic]
fn mutant_two_have_the_lock() {
    explore(2, evicted::<Flawed<Loom, TornExchange>>);
}

/// A receiver that gives a message back before it has done with it.
#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_released_too_early() {
    explore(2, || {
        let world = World::<Loom>::new(Mode::Each { history: 0 });
        let (first, second) = (world.join(1, 2), world.join(2, 2));
        world.publish(3, world.lend(3, 1));
        let early = thread(&world, move |world| {
            let entry = world.receive(1, first);
            world.release(1, first, entry);
            world.cells[entry].look();
        });
        Loom::together(vec![early, receives(&world, 2, second, 1)]);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_no_block_is_released() {
    explore(2, || trimmed::<Flawed<Loom, NoRelease>>(1));
}

#[test]
#[should_panic]
fn mutant_two_have_the_lock_to_trim() {
    explore(2, || trimmed::<Flawed<Loom, TornExchange>>(1));
}

/// One that frees what it found to be spare when it has the lock no more.
#[test]
#[should_panic]
fn mutant_trimmed_too_late() {
    explore(2, || {
        let world = World::<Loom>::new(Mode::One);
        world.give_back(1, world.lend(1, 1));
        let late = thread(&world, |world| {
            let table = world.table();
            let spare = table.lock(&world.process(3), world).expect(KEPT).spares().next();
            spare.into_iter().for_each(|entry| world.free(entry));
        });
        let lends = thread(&world, |world| world.give_back(1, world.lend(1, 1)));
        Loom::together(vec![late, lends]);
    });
}
