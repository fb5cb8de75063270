//! Heap slots: one holder at a time, contents handed over, the dead replaced.

use std::sync::{Arc, atomic::Ordering};

use anymem_core::{
    offset::Offset,
    sync::{Arena, AtomicInt},
    thread::{Liveness, Owner},
};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, Shuttle, Tiny, TornExchange, Words, explore, sample,
    thread,
};

const fn owner(number: u32) -> Owner {
    Owner { pid: number, start: number as u64 * 11 }
}

/// Everybody lives, if named rightly or by the process id alone.
struct AllLive;

impl Liveness for AllLive {
    fn is_alive(&self, who: Owner) -> bool {
        who.start == 0 || who == owner(who.pid)
    }
}

/// The system's list of the dead: one word a process, not 0 once it has ended.
struct Deaths<M: Model>(Words<M>);

impl<M: Model> Deaths<M> {
    fn new() -> Self {
        Self(Words::new(8))
    }

    fn of(&self, who: Owner) -> &M::Word {
        self.0.word(Offset::new(who.pid as usize * size_of::<usize>()))
    }

    fn die(&self, who: Owner) {
        // Release: what a process did is visible once it is known to be dead.
        self.of(who).store(1, Ordering::Release);
    }
}

impl<M: Model> Liveness for Deaths<M> {
    fn is_alive(&self, who: Owner) -> bool {
        self.of(who).load(Ordering::Acquire) == 0
    }
}

/// Takes the slot over if its holder is dead; whether it was.
fn claim_dead<M: Model>(heap: &Tiny<M>, me: Owner, liveness: &dyn Liveness) -> bool {
    let slots = heap.slots();
    slots.find_dead(0, liveness).is_some_and(|dead| slots.take_over(&dead, me))
}

/// A heap, and who died.
struct World<M: Model> {
    heap: Tiny<M>,
    deaths: Deaths<M>,
}

impl<M: Model> World<M> {
    fn new() -> Arc<Self> {
        Arc::new(Self { heap: Tiny::new(1, 1, 1), deaths: Deaths::new() })
    }

    fn claim_and_die(&self, me: u32) -> bool {
        let claimed = self.heap.slots().claim_at(0, owner(me));
        if claimed {
            self.heap.touch(0);
            self.deaths.die(owner(me));
        }
        claimed
    }

    /// Takes the slot over from a dead holder; keeps it.
    fn take_over(&self, me: u32) -> bool {
        let taken = claim_dead(&self.heap, owner(me), &self.deaths);
        if taken {
            self.heap.touch(0);
        }
        taken
    }

    fn recover(&self, me: u32) -> bool {
        let taken = self.take_over(me);
        if taken {
            self.heap.slots().release(0);
        }
        taken
    }
}

/// Two threads want a slot and keep it.
fn one_claims<M: Model>() {
    let heap = Arc::new(Tiny::<M>::new(1, 1, 0));
    let claim = |me| thread(&heap, move |heap| heap.slots().claim_at(0, owner(me)));
    let won = M::together(vec![claim(1), claim(2)]);
    assert_eq!(won.iter().filter(|&&won| won).count(), 1, "one slot, one holder");
    assert!(heap.slots().holder(0).is_some());
}

/// Two threads use a slot, one after the other, if both get it.
fn contents_are_handed_over<M: Model>() {
    let heap = Arc::new(Tiny::<M>::new(1, 1, 1));
    let use_it = |me| {
        thread(&heap, move |heap| {
            let claimed = heap.slots().claim_at(0, owner(me));
            if claimed {
                heap.touch(0);
                heap.slots().release(0);
            }
            claimed
        })
    };
    let used = M::together(vec![use_it(1), use_it(2)]);
    assert!(used.contains(&true));
    assert!(heap.slots().is_idle(0));
}

/// A holder dies; two others want to recover what it left.
fn one_recovers<M: Model>() {
    let world = World::<M>::new();
    let died = thread(&world, |world| world.claim_and_die(1));
    let take = |me| thread(&world, move |world| world.take_over(me));
    let took = M::together(vec![take(2), take(3), died]);
    assert!(took[2], "nobody else claims it while it is idle");
    assert!(!(took[0] && took[1]), "one slot, one recoverer");
    assert!(took[0] || took[1] || world.take_over(4), "what is left is recovered");
}

/// A holder dies, and so does its recoverer; a third one recovers.
fn a_dead_recoverer_is_recovered<M: Model>() {
    let world = World::<M>::new();
    world.claim_and_die(1);
    let dies = thread(&world, |world| {
        let taken = world.take_over(2);
        if taken {
            world.deaths.die(owner(2));
        }
        taken
    });
    let recovers = thread(&world, |world| world.recover(3));
    let [_, recovered] = M::together(vec![dies, recovers])[..] else { unreachable!() };
    assert!(recovered || world.recover(4), "what is left is recovered");
    assert!(world.heap.slots().is_idle(0));
}

/// A thread claims a slot while another one recovers it.
fn a_recovered_slot_is_claimed<M: Model>() {
    let world = World::<M>::new();
    world.claim_and_die(1);
    let recovers = thread(&world, |world| world.recover(2));
    let claims = thread(&world, |world| {
        let claimed = world.heap.slots().claim_at(0, owner(3));
        if claimed {
            world.heap.touch(0);
        }
        claimed
    });
    let [recovered, claimed] = M::together(vec![recovers, claims])[..] else { unreachable!() };
    assert!(recovered);
    assert_eq!(claimed, world.heap.slots().holder(0) == Some(owner(3)));
}

/// A slot passes from one living holder to the next; a third process looks
/// whether its holder is dead, and must not take it for the former one.
fn the_living_are_left_alone<M: Model>() {
    let heap = Arc::new(Tiny::<M>::new(1, 1, 1));
    let holders = thread(&heap, |heap| {
        heap.slots().claim_at(0, owner(1));
        heap.slots().release(0);
        let claimed = heap.slots().claim_at(0, owner(2));
        heap.touch(0);
        claimed
    });
    let looks = thread(&heap, |heap| claim_dead(heap, owner(3), &AllLive));
    let [_, taken] = M::together(vec![holders, looks])[..] else { unreachable!() };
    assert!(!taken, "a living holder lost its slot");
}

/// Many threads claim one of a few slots, use it and release it, many times.
fn many_share_a_few_slots<M: Model>() {
    let heap = Arc::new(Tiny::<M>::new(1, 3, 3));
    let use_slots = |me| {
        thread(&heap, move |heap| {
            for _ in 0..4 {
                let claimed = (0..3).find(|&slot| heap.slots().claim_at(slot, owner(me)));
                if let Some(slot) = claimed {
                    heap.touch(slot);
                    heap.slots().release(slot);
                }
            }
        })
    };
    M::together((1..=6).map(use_slots).collect());
    assert!((0..3).all(|slot| heap.slots().is_idle(slot)));
}

/// One dies in a slot, and many quarrel about what it left.
fn many_recover<M: Model>() {
    let world = World::<M>::new();
    world.claim_and_die(1);
    let recover = |me| thread(&world, move |world| world.recover(me));
    let recovered = M::together((2..=6).map(recover).collect());
    assert_eq!(recovered.iter().filter(|&&done| done).count(), 1);
    assert!(world.heap.slots().is_idle(0));
}

#[test]
fn loom_one_claims() {
    explore(None, one_claims::<Loom>);
}

#[test]
fn loom_contents_are_handed_over() {
    explore(None, contents_are_handed_over::<Loom>);
}

#[test]
fn loom_one_recovers() {
    explore(3, one_recovers::<Loom>);
}

#[test]
fn loom_a_dead_recoverer_is_recovered() {
    explore(3, a_dead_recoverer_is_recovered::<Loom>);
}

#[test]
fn loom_a_recovered_slot_is_claimed() {
    explore(None, a_recovered_slot_is_claimed::<Loom>);
}

#[test]
fn loom_the_living_are_left_alone() {
    explore(None, the_living_are_left_alone::<Loom>);
}

#[test]
fn shuttle_many_share_a_few_slots() {
    sample(300, many_share_a_few_slots::<Shuttle>);
}

#[test]
fn shuttle_many_recover() {
    sample(300, many_recover::<Shuttle>);
}

#[test]
#[should_panic(expected = "one slot, one holder")]
fn mutant_claim_is_torn() {
    explore(None, one_claims::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_release_does_not_publish() {
    explore(None, contents_are_handed_over::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_claim_does_not_acquire() {
    explore(None, contents_are_handed_over::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_take_over_is_torn() {
    explore(3, one_recovers::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "a living holder lost its slot")]
fn mutant_holder_is_read_out_of_order() {
    explore(None, the_living_are_left_alone::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "two owners at a time")]
fn mutant_claim_is_torn_among_many() {
    sample(300, many_share_a_few_slots::<Flawed<Shuttle, TornExchange>>);
}
