//! Latches: one visitor at a time, nobody waits, the dead replaced.

use std::sync::{
    Arc,
    atomic::Ordering::{Acquire, Relaxed, Release},
};

use anymem_core::{
    offset::Offset,
    page_table::SlabState,
    segment::Visitor,
    sync::{Arena, AtomicInt},
};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, OfSlot, Shuttle, Thread, Tiny, TornExchange, Words,
    explore, sample, thread,
};

/// Goes in, uses what is there, goes out; whether it could.
fn visits<M: Model>(heap: &Arc<Tiny<M>>, visitor: Visitor) -> Thread<bool> {
    thread(heap, move |heap| {
        let entered = heap.latch(0).enter(visitor);
        if entered {
            heap.touch(0);
            heap.latch(0).leave();
        }
        entered
    })
}

/// The holder and two raiders come at the same time.
fn one_is_inside<M: Model>() {
    let heap = Arc::new(Tiny::<M>::new(1, 1, 1));
    let visitors = [Visitor::Holder, Visitor::Raider(1), Visitor::Raider(2)];
    let entered = M::together(visitors.map(|who| visits(&heap, who)).into());
    assert!(entered.contains(&true), "the first to come goes in");
    assert!(heap.latch(0).enter(Visitor::Holder), "the last to leave opens it");
}

/// A heap, and whether a raider died.
struct World<M: Model> {
    heap: Tiny<M>,
    dead: Words<M>,
}

impl<M: Model> World<M> {
    fn death(&self) -> &M::Word {
        self.dead.word(Offset::new(0))
    }
}

/// A raider dies inside; who recovers its slot goes on in its place, while the
/// holder wants to go in.
fn a_dead_raider_is_replaced<M: Model>() {
    let world = Arc::new(World { heap: Tiny::<M>::new(1, 2, 1), dead: Words::new(1) });
    let raider = Visitor::Raider(1);
    let dies = thread(&world, move |world| {
        let entered = world.heap.latch(0).enter(raider);
        if entered {
            world.heap.touch(0);
        }
        // Release: what a process did is visible once it is known to be dead.
        world.death().store(1, Release);
        entered
    });
    let recovers = thread(&world, move |world| {
        let inherits = world.death().load(Acquire) == 1 && world.heap.latch(0).inherit(raider);
        if inherits {
            world.heap.touch(0);
            world.heap.latch(0).leave();
        }
        inherits
    });
    let holds = thread(&world, |world| {
        let entered = world.heap.latch(0).enter(Visitor::Holder);
        if entered {
            world.heap.touch(0);
            world.heap.latch(0).leave();
        }
        entered
    });
    let [died_inside, inherited, _] = M::together(vec![dies, recovers, holds])[..] else {
        unreachable!()
    };
    assert!(died_inside || !inherited, "nobody died in there");
}

/// The holder frees a block of its own, into the local bitmap if it gets in,
/// else as others do; a raider collects what was freed so.
fn a_free_is_not_lost<M: Model>() {
    let heap = Arc::new(Tiny::<M>::new(1, 1, 1));
    heap.table().claim_at(0, 1, 0, &OfSlot(0)).unwrap();
    heap.table().publish(0, 1, SlabState::Run, &OfSlot(0));
    let frees = |block: usize| {
        move |heap: &Tiny<M>| {
            let descriptor = heap.descriptor(0);
            if heap.latch(0).enter(Visitor::Holder) {
                let local = descriptor.local_bits(2);
                let word = local.word(0);
                word.store(word.load(Relaxed) | 1 << block, Relaxed);
                heap.latch(0).leave();
            } else {
                descriptor.remote().free(0, 1 << block);
            }
        }
    };
    let holder = thread(&heap, move |heap| {
        frees(0)(heap);
        frees(1)(heap);
    });
    let raider = thread(&heap, |heap| {
        if heap.latch(0).enter(Visitor::Raider(1)) {
            let descriptor = heap.descriptor(0);
            let local = descriptor.local_bits(2);
            let remote = descriptor.remote();
            remote.collect(0, remote.freed(0), local.word(0), local.full(0));
            heap.latch(0).leave();
        }
    });
    M::together(vec![holder, raider]);
    let descriptor = heap.descriptor(0);
    let local = descriptor.local_bits(2).word(0).load(Relaxed);
    let remote = descriptor.remote_bits(2).word(0).load(Relaxed);
    assert_eq!((local | remote, local & remote), (3, 0), "each block is free, in one place");
}

/// Many go in and out, many times.
fn many_visit<M: Model>() {
    let heap = Arc::new(Tiny::<M>::new(1, 1, 1));
    let visit_often = |visitor| {
        thread(&heap, move |heap| {
            for _ in 0..4 {
                if heap.latch(0).enter(visitor) {
                    heap.touch(0);
                    heap.latch(0).leave();
                }
            }
        })
    };
    let raiders = (1..5).map(|slot| visit_often(Visitor::Raider(slot)));
    M::together(raiders.chain([visit_often(Visitor::Holder)]).collect());
}

#[test]
fn loom_one_is_inside() {
    explore(3, one_is_inside::<Loom>);
}

#[test]
fn loom_a_dead_raider_is_replaced() {
    explore(3, a_dead_raider_is_replaced::<Loom>);
}

#[test]
fn loom_a_free_is_not_lost() {
    explore(None, a_free_is_not_lost::<Loom>);
}

#[test]
fn shuttle_many_visit() {
    sample(300, many_visit::<Shuttle>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_entry_is_torn() {
    explore(3, one_is_inside::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_leaving_does_not_publish() {
    explore(3, one_is_inside::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_entering_does_not_acquire() {
    explore(3, one_is_inside::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "each block is free, in one place")]
fn mutant_a_raider_does_not_ask() {
    explore(None, || {
        let heap = Arc::new(Tiny::<Loom>::new(1, 1, 1));
        heap.descriptor(0).remote().free(0, 2);
        let holder = thread(&heap, |heap| {
            let descriptor = heap.descriptor(0);
            let word = descriptor.local_bits(2).word(0);
            word.store(word.load(Relaxed) | 1, Relaxed);
        });
        let raider = thread(&heap, |heap| {
            let descriptor = heap.descriptor(0);
            let local = descriptor.local_bits(2);
            let remote = descriptor.remote();
            remote.collect(0, remote.freed(0), local.word(0), local.full(0));
        });
        Loom::together(vec![holder, raider]);
        let local = heap.descriptor(0).local_bits(2).word(0).load(Relaxed);
        assert_eq!(local, 3, "each block is free, in one place");
    });
}

#[test]
#[should_panic(expected = "two owners at a time")]
fn mutant_entry_is_torn_among_many() {
    sample(300, many_visit::<Flawed<Shuttle, TornExchange>>);
}
