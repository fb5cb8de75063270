//! Seats and their names: who looks for a name never gets another's, and a name has one seat.
//!
//! It is how values find their heap, and no other one.

use std::sync::{
    Arc,
    atomic::Ordering::{self, Acquire, Relaxed},
};

use anymem_core::sync::{AtomicInt, NoSeat, Seat, Seats};
use anymem_loom_tests::{
    Cell, Flaw, Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, TornExchange, explore, sample,
    thread,
};

/// What a holder writes to his seat: where his heap is, and once more its name.
///
/// The second name is for mutants, who judge by it.
struct Facts<M: Model> {
    heap: M::Word,
    name: M::Word,
}

/// Two words a name, as on machines of 32 bits.
type Place<M> = Seat<Arc<Facts<M>>, 2, M>;

/// How names are looked for.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    AsItIs,
    /// Without turns: the name before and after says whose the seat is, and what is
    /// written that nobody has it.
    ByNames,
    /// What a seat names is followed to see whether it is the one.
    Follow,
}

const SEATS: usize = 3;
const HEAPS: usize = 3;

struct World<M: Model> {
    seats: [Place<M>; SEATS],
    facts: [Arc<Facts<M>>; SEATS],
    /// What attached heaps are described by. Who frees a description touches it.
    heaps: [M::Cell; HEAPS],
    look: Look,
}

/// The two halves differ: one of them alone says nothing.
fn halves(name: usize) -> [usize; 2] {
    [name & 1, name >> 1]
}

impl<M: Model> World<M> {
    fn new(look: Look) -> Arc<Self> {
        let fact = || Arc::new(Facts::<M> { heap: M::word(HEAPS), name: M::word(0) });
        let facts: [_; SEATS] = std::array::from_fn(|_| fact());
        let seats = std::array::from_fn(|at| {
            Seat::new(M::word(0), [M::word(0), M::word(0)], Arc::clone(&facts[at]))
        });
        Arc::new(Self { seats, facts, heaps: Default::default(), look })
    }

    fn attach(&self, heap: usize, name: usize) -> Result<(), NoSeat> {
        self.heaps[heap].touch();
        let taken = Seats::new(self.seats.iter()).take(halves(name), |facts| {
            facts.name.store(name, Relaxed);
            facts.heap.store(heap, Relaxed);
        });
        if taken.is_err() {
            self.heaps[heap].touch();
        }
        taken
    }

    /// Detaches a heap, and frees its description.
    fn detach(&self, heap: usize) {
        let is_it = |facts: &Arc<Facts<M>>| {
            let is_it = facts.heap.load(Relaxed) == heap;
            if is_it && self.look == Look::ByNames {
                facts.heap.store(HEAPS, Relaxed);
            }
            is_it
        };
        assert!(self.seats.iter().any(|seat| seat.leave(is_it)), "it is attached");
        self.heaps[heap].touch();
    }

    fn find(&self, name: usize) -> Option<usize> {
        match self.look {
            Look::AsItIs => {
                Seats::new(self.seats.iter()).find(halves(name), |facts| facts.heap.load(Relaxed))
            }
            Look::ByNames => self.facts.iter().find_map(|facts| {
                let is_it = || facts.name.load(Acquire) == name;
                let heap = is_it().then(|| facts.heap.load(Acquire))?;
                (heap < HEAPS && is_it()).then_some(heap)
            }),
            Look::Follow => self.seats.iter().find_map(|seat| {
                let heap = seat.peek(|facts| Some(facts.heap.load(Relaxed)))?;
                self.heaps[heap].look();
                seat.look(halves(name), |_| heap)
            }),
        }
    }

    /// Looks for a heap, which must be one of these, and uses it.
    fn follow(&self, name: usize, one: &[Option<usize>]) {
        let found = self.find(name);
        assert!(one.contains(&found), "not the heap: {found:?}");
        found.inspect(|heap| self.heaps[*heap].look());
    }
}

/// A heap is looked for while one that stands before it goes, and another comes.
fn others_come_and_go<M: Model>(look: Look, readers: usize) {
    let world = World::<M>::new(look);
    world.attach(0, 1).unwrap();
    world.attach(1, 2).unwrap();
    let looks = || thread(&world, |world| world.follow(2, &[Some(1)]));
    let change = thread(&world, |world| {
        world.detach(0);
        world.attach(2, 3).unwrap();
        world.detach(2);
    });
    M::together((0..readers).map(|_| looks()).chain([change]).collect());
}

/// A heap is looked for that was detached, while its seat is another's, and then is that of
/// a heap of the same name again.
fn a_seat_changes_hands<M: Model>(look: Look, readers: usize) {
    let world = World::<M>::new(look);
    world.attach(0, 2).unwrap();
    world.detach(0);
    let looks = || thread(&world, |world| world.follow(2, &[None, Some(2)]));
    let change = thread(&world, |world| {
        world.attach(1, 1).unwrap();
        world.detach(1);
        world.attach(2, 2).unwrap();
    });
    M::together((0..readers).map(|_| looks()).chain([change]).collect());
    world.follow(2, &[Some(2)]);
}

/// Two heaps of one name are attached at the same time; with `vacates` a seat before theirs
/// is left meanwhile.
fn two_of_one_name<M: Model>(vacates: bool, readers: usize) {
    let world = World::<M>::new(Look::AsItIs);
    world.attach(0, 1).unwrap();
    let attach = |heap| thread(&world, move |it: &World<M>| it.attach(heap, 2).is_ok());
    let other = |run: fn(&World<M>)| {
        thread(&world, move |it| {
            run(it);
            false
        })
    };
    let looks = (0..readers).map(|_| other(|it| it.follow(2, &[None, Some(1), Some(2)])));
    let leaves = vacates.then(|| other(|it| it.detach(0)));
    let threads = [attach(1), attach(2)].into_iter().chain(looks).chain(leaves);
    let attached = M::together(threads.collect());
    assert!(attached[0] != attached[1], "not one heap of the name is attached: {attached:?}");
    world.follow(2, &[Some(if attached[0] { 1 } else { 2 })]);
}

#[test]
fn loom_others_come_and_go() {
    explore(2, || others_come_and_go::<Loom>(Look::AsItIs, 1));
}

#[test]
fn loom_a_seat_changes_hands() {
    explore(2, || a_seat_changes_hands::<Loom>(Look::AsItIs, 1));
}

#[test]
fn loom_two_of_one_name() {
    explore(2, || two_of_one_name::<Loom>(false, 0));
}

#[test]
fn shuttle_many_look() {
    sample(300, || {
        others_come_and_go::<Shuttle>(Look::AsItIs, 3);
        a_seat_changes_hands::<Shuttle>(Look::AsItIs, 3);
        two_of_one_name::<Shuttle>(true, 2);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_other_heaps_are_followed() {
    explore(2, || others_come_and_go::<Loom>(Look::Follow, 1));
}

#[test]
#[should_panic(expected = "not the heap: Some(1)")]
fn mutant_a_name_before_and_after_is_enough() {
    explore(2, || a_seat_changes_hands::<Loom>(Look::ByNames, 1));
}

#[test]
#[should_panic(expected = "not the heap")]
fn mutant_nothing_is_released() {
    explore(2, || a_seat_changes_hands::<Flawed<Loom, NoRelease>>(Look::AsItIs, 1));
}

#[test]
#[should_panic(expected = "not the heap")]
fn mutant_nothing_is_acquired() {
    explore(2, || a_seat_changes_hands::<Flawed<Loom, NoAcquire>>(Look::AsItIs, 1));
}

#[test]
#[should_panic(expected = "not one heap of the name")]
fn mutant_a_seat_is_claimed_in_two_steps() {
    explore(2, || two_of_one_name::<Flawed<Loom, TornExchange>>(false, 0));
}

/// Those who take seats need not see each other.
struct NoTotalOrder;

impl Flaw for NoTotalOrder {
    fn weaken(order: Ordering) -> Ordering {
        if order == Ordering::SeqCst { Ordering::AcqRel } else { order }
    }
}

#[test]
#[should_panic(expected = "not one heap of the name")]
fn mutant_who_takes_a_seat_does_not_see_the_other() {
    explore(2, || two_of_one_name::<Flawed<Loom, NoTotalOrder>>(false, 0));
}
