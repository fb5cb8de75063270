//! Rings: values come out once, in order, whoever dies.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use anymem_core::sync::AtomicInt;
use anymem_core::sync::ring::{Blocked, Ring, RingParts, Seat, Slots};
use anymem_loom_tests::{
    Cell, Flawed, Loom, Model, NoAcquire, NoRelease, Process, Shuttle, System, Thread,
    TornExchange, explore, owner, sample, thread,
};

const SLOTS: usize = 2;

/// A ring of two slots, what is in them, and the system.
struct World<M: Model> {
    states: Vec<M::Word>,
    /// tail, head, closed
    ends: Vec<M::Word>,
    seats: Vec<M::Word>,
    values: Vec<M::Word>,
    cells: Vec<M::Cell>,
    system: System<M>,
}

struct States<'a, M: Model>(&'a [M::Word]);

impl<M: Model> Slots<M> for States<'_, M> {
    fn state(&self, index: usize) -> &M::Word {
        &self.0[index]
    }
}

fn words<M: Model>(count: usize) -> Vec<M::Word> {
    (0..count).map(|_| M::word(0)).collect()
}

impl<M: Model> World<M> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            states: words::<M>(SLOTS),
            ends: words::<M>(3),
            seats: words::<M>(2),
            values: words::<M>(SLOTS),
            cells: (0..SLOTS).map(|_| M::Cell::default()).collect(),
            system: System::new(8, 0),
        })
    }

    fn ring(&self) -> Ring<'_, States<'_, M>, M> {
        let parts = RingParts {
            tail: &self.ends[0],
            head: &self.ends[1],
            closed: &self.ends[2],
            seats: &self.seats,
        };
        Ring::new(States(&self.states), SLOTS.trailing_zeros(), parts)
    }

    fn process(&self, me: u32) -> Process<'_, M> {
        Process::new(me, &self.system, Vec::new())
    }

    fn seat(&self, me: u32) -> Seat {
        self.ring().seat(owner(me), &self.process(me)).expect("a seat")
    }

    /// Passes over the dead, and waits for the living who are at work.
    fn until<R>(
        &self,
        me: u32,
        mut claim: impl FnMut() -> Result<R, Blocked>,
    ) -> Result<R, Blocked> {
        loop {
            match claim() {
                Err(Blocked::Busy(busy)) => {
                    if !self.ring().strike_out(busy, &self.process(me)) {
                        M::spin_hint();
                    }
                }
                Err(Blocked::Damaged) => panic!("the ring is damaged"),
                come_to => return come_to,
            }
        }
    }

    fn write(&self, index: usize, value: usize) {
        self.cells[index].touch();
        self.values[index].store(value, Relaxed);
    }

    fn read(&self, index: usize) -> usize {
        self.cells[index].touch();
        self.values[index].load(Relaxed)
    }

    fn push(&self, me: u32, value: usize) -> Result<(), Blocked> {
        let (ring, seat) = (self.ring(), self.seat(me));
        let place = self.until(me, || ring.claim_room(seat))?;
        self.write(place.index(), value);
        ring.fill(place);
        Ok(())
    }

    fn pop(&self, me: u32) -> Result<usize, Blocked> {
        let (ring, seat) = (self.ring(), self.seat(me));
        let place = self.until(me, || ring.claim_value(seat))?;
        let value = self.read(place.index());
        ring.free(place);
        Ok(value)
    }

    fn push_own(&self, me: u32, value: usize) -> Result<(), Blocked> {
        let ring = self.ring();
        let place = self.until(me, || ring.own_room())?;
        self.write(place.index(), value);
        ring.fill_own(place).map_err(|_| Blocked::Closed)
    }

    fn pop_own(&self, me: u32) -> Result<usize, Blocked> {
        let ring = self.ring();
        let place = self.until(me, || ring.own_value())?;
        let value = self.read(place.index());
        ring.free_own(place);
        Ok(value)
    }

    /// Claims room, writes half a value, and dies.
    fn die_pushing(&self, me: u32) {
        let ring = self.ring();
        let place = self.until(me, || ring.claim_room(self.seat(me)));
        if let Ok(place) = place {
            self.write(place.index(), 666);
        }
        self.process(me).die();
    }

    /// Claims a value, reads it, and dies.
    fn die_popping(&self, me: u32) -> Option<usize> {
        let ring = self.ring();
        let place = self.until(me, || ring.claim_value(self.seat(me))).ok();
        let read = place.map(|place| self.read(place.index()));
        self.process(me).die();
        read
    }

    /// What is left, as `me` finds it.
    fn drain(&self, me: u32) -> Vec<usize> {
        std::iter::from_fn(|| self.pop(me).ok()).collect()
    }
}

fn pushes<M: Model>(world: &Arc<World<M>>, me: u32, value: usize) -> Thread<Vec<usize>> {
    thread(world, move |world| {
        world.push(me, value).expect("room");
        Vec::new()
    })
}

fn pops<M: Model>(world: &Arc<World<M>>, me: u32, times: usize) -> Thread<Vec<usize>> {
    thread(world, move |world| (0..times).filter_map(|_| world.pop(me).ok()).collect())
}

/// What came out, with what is left; sorted.
fn all<M: Model>(world: &World<M>, came: Vec<Vec<usize>>) -> Vec<usize> {
    let mut all: Vec<_> = came.into_iter().flatten().chain(world.drain(1)).collect();
    all.sort_unstable();
    all
}

fn two_push_one_pops<M: Model>() {
    let world = World::<M>::new();
    let came = M::together(vec![pushes(&world, 1, 1), pushes(&world, 2, 2), pops(&world, 1, 2)]);
    assert_eq!(all(&world, came), [1, 2]);
}

fn one_pushes_two_pop<M: Model>() {
    let world = World::<M>::new();
    world.push(1, 1).expect("room");
    let came = M::together(vec![pushes(&world, 1, 2), pops(&world, 1, 1), pops(&world, 2, 1)]);
    assert_eq!(all(&world, came), [1, 2]);
}

/// Three values through two slots.
fn round_and_round<M: Model>() {
    let world = World::<M>::new();
    let three = thread(&world, |world| {
        (1..=3).filter(|&value| world.push(1, value).is_ok()).collect::<Vec<_>>()
    });
    let came = M::together(vec![three, pops(&world, 2, 3)]);
    let (pushed, mut popped) = (came[0].clone(), came[1].clone());
    popped.extend(world.drain(2));
    assert_eq!(popped, pushed, "another order");
}

fn one_to_one<M: Model>() {
    let world = World::<M>::new();
    let three = thread(&world, |world| {
        (1..=3).filter(|&value| world.push_own(1, value).is_ok()).collect::<Vec<_>>()
    });
    let three_times =
        thread(&world, |world| (0..3).filter_map(|_| world.pop_own(2).ok()).collect());
    let came = M::together(vec![three, three_times]);
    let (pushed, mut popped) = (came[0].clone(), came[1].clone());
    popped.extend(std::iter::from_fn(|| world.pop_own(2).ok()));
    assert_eq!(popped, pushed, "another order");
}

fn many_to_one<M: Model>() {
    let world = World::<M>::new();
    let twice = thread(&world, |world| (0..2).filter_map(|_| world.pop_own(1).ok()).collect());
    let came = M::together(vec![pushes(&world, 1, 1), pushes(&world, 2, 2), twice]);
    assert_eq!(all(&world, came), [1, 2]);
}

/// One dies pushing: nobody waits for it, and the other values come out.
fn a_producer_dies<M: Model>() {
    let world = World::<M>::new();
    let dies = thread(&world, |world| {
        world.die_pushing(2);
        Vec::new()
    });
    let came = M::together(vec![dies, pushes(&world, 1, 1), pops(&world, 1, 1)]);
    assert_eq!(all(&world, came), [1]);
    assert!(world.push(1, 3).is_ok() && world.push(1, 4).is_ok());
    assert_eq!(world.drain(1), [3, 4]);
}

/// One dies popping: the value is lost, its place is not.
fn a_consumer_dies<M: Model>() {
    let world = World::<M>::new();
    world.push(1, 1).expect("room");
    world.push(1, 2).expect("room");
    let dies =
        thread(&world, |world| (world.die_popping(2).into_iter().collect::<Vec<_>>(), false));
    let pushes = thread(&world, |world| (Vec::new(), world.push(1, 3).is_ok()));
    let pops = thread(&world, |world| (world.pop(1).into_iter().collect(), false));
    let mut came = M::together(vec![dies, pushes, pops]);
    let expected: &[usize] = if came[1].1 { &[1, 2, 3] } else { &[1, 2] };
    let came = came.drain(..).map(|(values, _)| values).collect();
    assert_eq!(all(&world, came), expected);
}

/// A seat is taken from a dead process while somebody else strikes its claim out.
fn a_seat_is_taken_over<M: Model>() {
    let world = World::<M>::new();
    world.seat(1);
    world.die_pushing(2);
    let came = M::together(vec![pushes(&world, 3, 3), pushes(&world, 1, 1), pops(&world, 1, 1)]);
    assert_eq!(all(&world, came), [1, 3]);
}

/// What was put in before the end comes out before it, and nothing after.
fn closing<M: Model>() {
    let world = World::<M>::new();
    let pushes = thread(&world, |world| {
        (1..=2).filter(|&value| world.push(1, value).is_ok()).collect::<Vec<_>>()
    });
    let pops = thread(&world, |world| {
        let mut popped = Vec::new();
        loop {
            match world.pop(2) {
                Ok(value) => popped.push(value),
                Err(Blocked::Closed) => return popped,
                Err(_) => M::spin_hint(),
            }
        }
    });
    let closes = thread(&world, |world| {
        world.ring().close();
        Vec::new()
    });
    let came = M::together(vec![pushes, closes, pops]);
    assert_eq!(came[0], came[2]);
    assert_eq!(world.push(1, 9), Err(Blocked::Closed));
    assert_eq!(world.pop(1), Err(Blocked::Closed));
}

fn closing_one_to_one<M: Model>() {
    let world = World::<M>::new();
    let pushes = thread(&world, |world| {
        (1..=2).filter(|&value| world.push_own(1, value).is_ok()).collect::<Vec<_>>()
    });
    let pops = thread(&world, |world| {
        let mut popped = Vec::new();
        world.ring().close();
        loop {
            match world.pop_own(2) {
                Ok(value) => popped.push(value),
                Err(Blocked::Closed) => return popped,
                Err(_) => M::spin_hint(),
            }
        }
    });
    let came = M::together(vec![pushes, pops]);
    assert_eq!(came[0], came[1]);
}

/// Threads of one process share a seat, also when they come at the same time.
fn one_seat_a_process<M: Model>() {
    let world = World::<M>::new();
    let sits = || thread(&world, |world| world.seat(1));
    let seats = M::together(vec![sits(), sits()]);
    assert_eq!(seats[0], seats[1]);
}

/// Many push and pop, some die.
fn many<M: Model>() {
    let world = World::<M>::new();
    let push_often = |from: usize| {
        thread(&world, move |world| {
            let pushed = (from..from + 4).filter(|&value| world.push(1, value).is_ok());
            (pushed.collect::<Vec<_>>(), Vec::new())
        })
    };
    let pop_often = || {
        thread(&world, |world| {
            (Vec::new(), (0..6).filter_map(|_| world.pop(1).ok()).collect::<Vec<_>>())
        })
    };
    let dies = thread(&world, |world| {
        world.die_pushing(2);
        (Vec::new(), Vec::new())
    });
    let came = M::together(vec![
        push_often(10),
        push_often(20),
        push_often(30),
        dies,
        pop_often(),
        pop_often(),
    ]);
    let (pushed, popped): (Vec<_>, Vec<_>) = came.into_iter().unzip();
    let mut pushed: Vec<_> = pushed.into_iter().flatten().collect();
    pushed.sort_unstable();
    assert_eq!(all(&world, popped), pushed);
}

#[test]
fn loom_two_push_one_pops() {
    explore(2, two_push_one_pops::<Loom>);
}

#[test]
fn loom_one_pushes_two_pop() {
    explore(2, one_pushes_two_pop::<Loom>);
}

#[test]
fn loom_round_and_round() {
    explore(3, round_and_round::<Loom>);
}

#[test]
fn loom_one_to_one() {
    explore(4, one_to_one::<Loom>);
}

#[test]
fn loom_many_to_one() {
    explore(2, many_to_one::<Loom>);
}

#[test]
fn loom_a_producer_dies() {
    explore(2, a_producer_dies::<Loom>);
}

#[test]
fn loom_a_consumer_dies() {
    explore(2, a_consumer_dies::<Loom>);
}

#[test]
fn loom_a_seat_is_taken_over() {
    explore(2, a_seat_is_taken_over::<Loom>);
}

#[test]
fn loom_one_seat_a_process() {
    explore(None, one_seat_a_process::<Loom>);
}

#[test]
fn loom_closing() {
    explore(2, closing::<Loom>);
}

#[test]
fn loom_closing_one_to_one() {
    explore(4, closing_one_to_one::<Loom>);
}

#[test]
fn shuttle_many() {
    sample(300, many::<Shuttle>);
}

#[test]
#[should_panic]
fn mutant_values_are_not_released() {
    explore(2, one_to_one::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic]
fn mutant_values_are_not_acquired() {
    explore(2, one_to_one::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic]
fn mutant_claims_are_torn() {
    explore(2, two_push_one_pops::<Flawed<Loom, TornExchange>>);
}

/// Who is taken for dead while it works has its slot used by others.
#[test]
#[should_panic]
fn mutant_the_living_are_struck_out() {
    explore(2, || {
        let world = World::<Loom>::new();
        let seat = world.seat(2);
        world.process(2).die();
        let undead = thread(&world, move |world: &World<Loom>| {
            let place = world.ring().claim_room(seat).expect("room");
            world.write(place.index(), 2);
            world.ring().fill(place);
            Vec::new()
        });
        let came = Loom::together(vec![undead, pops(&world, 1, 1), pushes(&world, 1, 1)]);
        assert_eq!(all(&world, came), [1, 2]);
    });
}

/// A push that does not look for the end again puts in what nobody gets.
#[test]
#[should_panic]
fn mutant_the_end_is_not_marked() {
    explore(3, || {
        let world = World::<Loom>::new();
        let pushes = thread(&world, |world: &World<Loom>| world.push(1, 1).is_ok());
        let closes = thread(&world, |world: &World<Loom>| {
            world.ring().close();
            // Empty and closed, as far as the numbers tell.
            world.ring().is_closed() && world.ring().is_empty()
        });
        let came = Loom::together(vec![pushes, closes]);
        assert!(!(came[0] && came[1]), "a value after the end");
    });
}
