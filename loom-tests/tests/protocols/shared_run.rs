//! Runs that are nobody's: no block twice, none from a run that is gone, none lost
//! with who gives a run back.

use std::sync::{
    Arc,
    atomic::Ordering::{Acquire, Relaxed, Release},
};

use anymem_core::{
    page_table::{OwnerWord, SHARED, SharedRun, SlabState, TakenBits, Unlogged},
    segment::Visitor,
    sync::AtomicInt,
};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, OfSlot, Shuttle, Thread, Tiny, TornExchange,
    TornUpdate, Words, explore, sample, thread,
};

/// Which bitmap a run uses, so that a wrong one can be tried.
type Bits<M> = fn(&Tiny<M>, usize) -> TakenBits<'_, Words<M>>;

fn shared<M: Model>(heap: &Tiny<M>, blocks: usize) -> TakenBits<'_, Words<M>> {
    heap.descriptor(0).shared_bits(blocks)
}

/// The bitmap that runs of a slot use for frees by others.
fn remote<M: Model>(heap: &Tiny<M>, blocks: usize) -> TakenBits<'_, Words<M>> {
    TakenBits::new(heap.descriptor(0).remote_bits(blocks))
}

/// What may be a shared run of `class` in slab 0.
fn run_in<M: Model>(
    heap: &Tiny<M>,
    bits: Bits<M>,
    class: usize,
    blocks: usize,
) -> SharedRun<'_, Words<M>> {
    let latch = heap.descriptor(0).latch();
    SharedRun::new(heap.table(), latch, bits(heap, blocks), 0, class, 1)
}

fn run<M: Model>(heap: &Tiny<M>, blocks: usize) -> SharedRun<'_, Words<M>> {
    run_in(heap, shared, 0, blocks)
}

/// Makes slab 0 a shared run of `class`.
fn publish<M: Model>(heap: &Tiny<M>, bits: Bits<M>, class: usize, blocks: usize) -> bool {
    let claimed = heap.table().claim_at(0, 1, class, &Unlogged).is_ok();
    if claimed {
        run_in(heap, bits, class, blocks).publish(&Unlogged);
    }
    claimed
}

/// A heap of one slab, a shared run of class 0 whose blocks are all free; a
/// data cell a block.
fn heap_with<M: Model>(bits: Bits<M>, blocks: usize) -> Arc<Tiny<M>> {
    let heap = Tiny::new(1, 3, blocks);
    publish(&heap, bits, 0, blocks);
    Arc::new(heap)
}

fn heap<M: Model>(blocks: usize) -> Arc<Tiny<M>> {
    heap_with(shared, blocks)
}

/// How a thread gives the run back; whether it did.
type Retire<M> = fn(&Tiny<M>, usize) -> bool;

fn retire_right<M: Model>(heap: &Tiny<M>, blocks: usize) -> bool {
    run(heap, blocks).retire(&Unlogged)
}

/// Takes a block and keeps it.
fn takes<M: Model>(heap: &Arc<Tiny<M>>, blocks: usize) -> Thread<Option<usize>> {
    thread(heap, move |heap| {
        let taken = run(heap, blocks).take();
        taken.inspect(|&block| heap.touch(block))
    })
}

/// Takes a block, uses it and puts it back.
fn uses<M: Model>(heap: &Arc<Tiny<M>>, blocks: usize) -> Thread<bool> {
    thread(heap, move |heap| {
        let taken = run(heap, blocks).take();
        if let Some(block) = taken {
            heap.touch(block);
            assert!(run(heap, blocks).put(block), "it was out");
        }
        taken.is_some()
    })
}

/// Retires the run; then the caller owns all that was in it.
fn retires<M: Model>(heap: &Arc<Tiny<M>>, blocks: usize, retire: Retire<M>) -> Thread<bool> {
    thread(heap, move |heap| {
        let retired = retire(heap, blocks);
        if retired && heap.table().claim_at(0, 1, 0, &OfSlot(0)).is_ok() {
            (0..blocks).for_each(|block| heap.touch(block));
        }
        retired
    })
}

/// Two threads take a block each; there are two.
fn each_takes_one<M: Model>() {
    let heap = heap::<M>(2);
    let taken = M::together(vec![takes(&heap, 2), takes(&heap, 2)]);
    assert!(taken.iter().all(Option::is_some), "there is one for each");
    assert_ne!(taken[0], taken[1], "one block, one user");
}

/// Two threads use the only block, one after the other, if both get it.
fn a_block_is_handed_over<M: Model>() {
    let heap = heap::<M>(1);
    let used = M::together(vec![uses(&heap, 1), uses(&heap, 1)]);
    assert!(used.contains(&true));
    assert!(heap.descriptor(0).shared_bits(1).none_taken());
}

/// Two threads put the same block back.
fn one_puts_back<M: Model>() {
    let heap = heap::<M>(1);
    run(&heap, 1).take().unwrap();
    let put = || thread(&heap, |heap| run(heap, 1).put(0));
    let done = M::together(vec![put(), put()]);
    assert_eq!(done.iter().filter(|&&done| done).count(), 1, "a double free is seen");
}

/// How a thread takes a block of a run of two.
type Take<M> = fn(&Tiny<M>) -> Option<usize>;

fn take_right<M: Model>(heap: &Tiny<M>) -> Option<usize> {
    run(heap, 2).take()
}

/// One thread takes a block while another one retires the run.
fn retire_or_take<M: Model>(take: Take<M>, retire: Retire<M>) {
    let heap = heap::<M>(2);
    let takes = thread(&heap, move |heap| {
        let taken = take(heap);
        taken.inspect(|&block| heap.touch(block)).is_some()
    });
    let done = M::together(vec![takes, retires(&heap, 2, retire)]);
    assert!(!(done[0] && done[1]), "a run is retired while a block is out");
    let bits = heap.descriptor(0).shared_bits(2);
    assert_eq!(bits.free(), 2 - usize::from(done[0]), "borrowed bits are back");
    assert!(heap.descriptor(0).latch().is_empty());
}

/// A block is used and put back while two threads want to retire the run,
/// whose bitmap has two words.
fn one_retires<M: Model>() {
    const BLOCKS: usize = usize::BITS as usize + 1;
    let heap = heap::<M>(BLOCKS);
    let retire = || retires(&heap, BLOCKS, retire_right);
    let done = M::together(vec![uses(&heap, BLOCKS), retire(), retire()]);
    assert!(!(done[1] && done[2]), "one run, one owner");
    if !done[1] && !done[2] {
        assert!(run(&heap, BLOCKS).retire(&Unlogged), "what was taken is put back");
    }
}

/// Makes slab 0 a run of slot 0, whose block 0 is freed by another, collected,
/// and handed out again; a last collection must not find it free.
fn use_as_slot_run<M: Model>(heap: &Tiny<M>) {
    if heap.table().claim_at(0, 1, 0, &OfSlot(0)).is_err() {
        return;
    }
    let descriptor = heap.descriptor(0);
    let local = descriptor.local_bits(1);
    local.fill(false);
    descriptor.remote_bits(1).fill(false);
    heap.table().publish(0, 1, SlabState::Run, &Unlogged);
    descriptor.remote().free(0, 1);
    if descriptor.remote().collect(0, descriptor.remote().freed(0), local.word(0), 1) != 0 {
        local.word(0).store(0, Relaxed);
        heap.touch(0);
    }
}

/// A taker is late: the run is retired and the slab becomes a run of a slot.
fn late_for_a_slot_run<M: Model>(bits: Bits<M>) {
    let heap = heap_with::<M>(bits, 1);
    let takes = thread(&heap, move |heap| run_in(heap, bits, 0, 1).take().is_some());
    let remakes = thread(&heap, move |heap| {
        let retired = run_in(heap, bits, 0, 1).retire(&Unlogged);
        if retired {
            use_as_slot_run(heap);
        }
        retired
    });
    let done = M::together(vec![takes, remakes]);
    assert!(!(done[0] && done[1]), "a run is retired while a block is out");
    if done[1] {
        let descriptor = heap.descriptor(0);
        let local = descriptor.local_bits(1);
        let freed = descriptor.remote().collect(0, descriptor.remote().freed(0), local.word(0), 1);
        assert_eq!(freed, 0, "a block in use is freed");
    }
}

/// A retirer is late: another one retired the run and remade the slab.
fn late_retirer<M: Model>() {
    let heap = heap::<M>(1);
    let retires = thread(&heap, |heap| run(heap, 1).retire(&Unlogged));
    let remakes = thread(&heap, |heap| {
        let retired = run(heap, 1).retire(&Unlogged);
        if retired {
            use_as_slot_run(heap);
        }
        retired
    });
    let done = M::together(vec![retires, remakes]);
    assert!(done[0] != done[1], "one run, one owner");
    if done[1] {
        let descriptor = heap.descriptor(0);
        let freed = descriptor.remote().collect(
            0,
            descriptor.remote().freed(0),
            descriptor.local_bits(1).word(0),
            1,
        );
        assert_eq!(freed, 0, "a block in use is freed");
    }
}

/// A taker is late: the slab becomes a shared run of another class.
fn late_for_another_class<M: Model>() {
    let heap = heap::<M>(2);
    let takes = thread(&heap, |heap| run(heap, 2).take().is_some());
    let remakes = thread(&heap, |heap| {
        let retired = run(heap, 2).retire(&Unlogged);
        if retired {
            assert!(publish(heap, shared, 1, 3));
        }
        retired
    });
    let done = M::together(vec![takes, remakes]);
    assert!(!(done[0] && done[1]), "a block of the wrong class");
    if done[1] {
        assert_eq!(heap.descriptor(0).shared_bits(3).free(), 3, "borrowed bits are back");
    }
}

/// A taker is late: the slab becomes a shared run of the same class, of which its
/// maker takes a block.
fn late_for_the_same_class<M: Model>(publish: fn(&Tiny<M>)) {
    let heap = heap::<M>(2);
    let remakes = thread(&heap, move |heap| {
        if !run(heap, 2).retire(&Unlogged) {
            return None;
        }
        publish(heap);
        let taken = run(heap, 2).take();
        taken.inspect(|&block| heap.touch(block))
    });
    let taken = M::together(vec![takes(&heap, 2), remakes]);
    assert!(taken[0].is_none() || taken[0] != taken[1], "one block, one user");
}

fn publish_right<M: Model>(heap: &Tiny<M>) {
    publish(heap, shared, 0, 2);
}

/// All blocks are made free, as if nobody could have one.
fn publish_wrong<M: Model>(heap: &Tiny<M>) {
    heap.table().claim_at(0, 1, 0, &Unlogged).unwrap();
    let bits = heap.descriptor(0).shared_bits(2);
    (0..2).for_each(|block| _ = bits.put(block));
    run(heap, 2).publish(&Unlogged);
}

/// Where a retirer dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dies {
    /// Before it looked at the blocks, or after.
    InTheRun,
    /// When the slab is free.
    AfterIt,
}

/// The slot of who dies.
const DEAD: usize = 1;

/// The word that says that it has died.
fn death<M: Model>(heap: &Tiny<M>) -> &M::Word {
    anymem_core::sync::Arena::word(heap.words(), heap.slots().state_at(DEAD))
}

/// Retires the run up to where it dies; whether the slab is free.
fn retire_and_die<M: Model>(heap: &Tiny<M>, dies: Dies) -> bool {
    let inside = heap.descriptor(0).latch().enter(Visitor::Raider(DEAD));
    let bits = heap.descriptor(0).shared_bits(2);
    let released = inside && bits.none_taken() && dies == Dies::AfterIt;
    if released {
        heap.table().release(0, 1, &Unlogged);
    }
    death(heap).store(1, Release);
    released
}

/// Ends what the dead one had begun, if it is known to be dead.
fn recover<M: Model>(heap: &Tiny<M>, end: fn(&Tiny<M>)) {
    if death(heap).load(Acquire) == 1 {
        heap.table().undo(0, 1, DEAD);
        end(heap);
    }
}

fn end_right<M: Model>(heap: &Tiny<M>) {
    heap.descriptor(0).end_retirement(DEAD);
}

/// A retirer dies while another one retires the run, and a third takes a block when
/// it has recovered the dead one.
fn a_dead_retirer_loses_nothing<M: Model>(dies: Dies, end: fn(&Tiny<M>)) {
    let heap = heap::<M>(2);
    let dying = thread(&heap, move |heap| retire_and_die(heap, dies));
    let taking = thread(&heap, move |heap| {
        recover(heap, end);
        let taken = run(heap, 2).take();
        taken.inspect(|&block| heap.touch(block)).is_some()
    });
    let retires = retires(&heap, 2, |heap, blocks| run(heap, blocks).retire(&OfSlot(2)));
    let done = M::together(vec![dying, taking, retires]);
    assert!(!done[1] || !done[0] && !done[2], "a run is retired while a block is out");
    recover(&heap, end);
    if !done[0] && !done[2] {
        let left = std::iter::from_fn(|| run(&heap, 2).take()).count();
        assert_eq!(left, 2 - usize::from(done[1]), "no block is lost");
    } else if heap.table().owner(0).state == SlabState::Free {
        assert!(publish(&heap, shared, 0, 2));
        assert!(run(&heap, 2).take().is_some(), "the slab can be used again");
    }
}

/// Many threads take, put back, retire and remake one run, now of this class
/// and now of that, now a slot's.
fn many_share<M: Model>(bits: Bits<M>) {
    let heap = heap_with::<M>(bits, 4);
    let churn = |number: usize| {
        thread(&heap, move |heap| {
            for round in 0..4 {
                let class = (number + round) % 2;
                let run = run_in(heap, bits, class, 3 + class);
                if let Some(block) = run.take() {
                    heap.touch(block);
                    assert!(run.put(block), "it was out");
                    run.retire(&Unlogged);
                } else {
                    publish(heap, bits, class, 3 + class);
                }
            }
        })
    };
    let slot_runs = thread(&heap, |heap| {
        for _ in 0..4 {
            use_as_slot_run(heap);
            if heap.table().owner(0).is_run_of(0) {
                let descriptor = heap.descriptor(0);
                let local = descriptor.local_bits(1);
                let freed =
                    descriptor.remote().collect(0, descriptor.remote().freed(0), local.word(0), 1);
                assert_eq!(freed, 0, "a block in use is freed");
                heap.table().release(0, 1, &Unlogged);
            }
        }
    });
    M::together((0..5).map(churn).chain([slot_runs]).collect());
}

#[test]
fn loom_each_takes_one() {
    explore(None, each_takes_one::<Loom>);
}

#[test]
fn loom_a_block_is_handed_over() {
    explore(None, a_block_is_handed_over::<Loom>);
}

#[test]
fn loom_one_puts_back() {
    explore(None, one_puts_back::<Loom>);
}

#[test]
fn loom_retire_or_take() {
    explore(None, || retire_or_take::<Loom>(take_right, retire_right));
}

#[test]
fn loom_one_retires() {
    explore(3, one_retires::<Loom>);
}

#[test]
fn loom_late_for_a_slot_run() {
    explore(None, || late_for_a_slot_run::<Loom>(shared));
}

#[test]
fn loom_late_retirer() {
    explore(None, late_retirer::<Loom>);
}

#[test]
fn loom_late_for_another_class() {
    explore(None, late_for_another_class::<Loom>);
}

#[test]
fn loom_late_for_the_same_class() {
    explore(2, || late_for_the_same_class::<Loom>(publish_right));
}

#[test]
fn loom_a_dead_retirer_loses_nothing() {
    for dies in [Dies::InTheRun, Dies::AfterIt] {
        explore(3, move || a_dead_retirer_loses_nothing::<Loom>(dies, end_right));
    }
}

#[test]
fn shuttle_many_share() {
    sample(300, || many_share::<Shuttle>(shared));
}

#[test]
#[should_panic(expected = "one block, one user")]
fn mutant_take_is_torn() {
    explore(None, || {
        let heap = heap::<Flawed<Loom, TornUpdate>>(2);
        let take = || thread(&heap, |heap| run(heap, 2).take());
        let taken = Flawed::<Loom, TornUpdate>::together(vec![take(), take()]);
        assert_ne!(taken[0], taken[1], "one block, one user");
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_put_does_not_publish() {
    explore(None, a_block_is_handed_over::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_take_does_not_acquire() {
    explore(None, a_block_is_handed_over::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "a double free is seen")]
fn mutant_put_is_torn() {
    explore(None, one_puts_back::<Flawed<Loom, TornUpdate>>);
}

#[test]
#[should_panic(expected = "a run is retired while a block is out")]
fn mutant_takers_borrow_from_slot_runs() {
    explore(None, || late_for_a_slot_run::<Loom>(remote));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_blocks_are_made_free() {
    explore(2, || late_for_the_same_class::<Loom>(publish_wrong));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_the_taker_does_not_look_again() {
    explore(None, || {
        let take: Take<Loom> = |heap| {
            let run = run(heap, 2);
            run.is_open().then(|| heap.descriptor(0).shared_bits(2).take()).flatten()
        };
        retire_or_take::<Loom>(take, retire_right);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_the_taker_looks_at_the_latch_last() {
    explore(None, || {
        let take: Take<Loom> = |heap| {
            let bits = heap.descriptor(0).shared_bits(2);
            let block = bits.take()?;
            let open = is_there(heap) && heap.descriptor(0).latch().is_empty();
            if !open {
                bits.put(block);
            }
            open.then_some(block)
        };
        retire_or_take::<Loom>(take, retire_right);
    });
}

/// Whether slab 0 is a shared run of class 0.
fn is_there<M: Model>(heap: &Tiny<M>) -> bool {
    let owner: OwnerWord = heap.table().owner(0);
    owner.is_run_of(SHARED) && owner.class == 0
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_the_retirer_stays_outside() {
    explore(None, || {
        let retire: Retire<Loom> = |heap, blocks| {
            let retired = heap.descriptor(0).shared_bits(blocks).none_taken();
            if retired {
                heap.table().release(0, 1, &Unlogged);
            }
            retired
        };
        retire_or_take::<Loom>(take_right, retire);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_the_retirer_leaves_too_soon() {
    explore(None, || {
        let retire: Retire<Loom> = |heap, blocks| {
            let (latch, bits) =
                (heap.descriptor(0).latch(), heap.descriptor(0).shared_bits(blocks));
            let retired = latch.enter(Visitor::Raider(0)) && bits.none_taken();
            latch.leave();
            if retired {
                heap.table().release(0, 1, &Unlogged);
            }
            retired
        };
        retire_or_take::<Loom>(take_right, retire);
    });
}

/// Loads may be older than the latch.
#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_the_retirer_only_loads() {
    explore(None, || {
        let retire: Retire<Loom> = |heap, blocks| {
            let (latch, bits) =
                (heap.descriptor(0).latch(), heap.descriptor(0).shared_bits(blocks));
            let retired = latch.enter(Visitor::Raider(0)) && bits.seem_free();
            if retired {
                heap.table().release(0, 1, &Unlogged);
            }
            latch.leave();
            retired
        };
        retire_or_take::<Loom>(take_right, retire);
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_looking_at_bits_does_not_publish_the_latch() {
    type Weak = Flawed<Loom, NoRelease>;
    explore(None, || retire_or_take::<Weak>(take_right, retire_right));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_two_get_in() {
    explore(3, one_retires::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "no block is lost")]
fn mutant_nobody_ends_what_the_dead_began() {
    explore(3, || a_dead_retirer_loses_nothing::<Loom>(Dies::InTheRun, |_| ()));
}

#[test]
#[should_panic(expected = "the slab can be used again")]
fn mutant_nobody_leaves_the_free_slab() {
    explore(3, || a_dead_retirer_loses_nothing::<Loom>(Dies::AfterIt, |_| ()));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_who_recovers_lets_a_living_one_out() {
    explore(3, || {
        let end = |heap: &Tiny<Loom>| heap.descriptor(0).latch().leave();
        a_dead_retirer_loses_nothing::<Loom>(Dies::InTheRun, end);
    });
}

/// Either a block has two owners, or it is put back twice: as the schedule has it.
#[test]
#[should_panic]
fn mutant_take_is_torn_among_many() {
    sample(300, || many_share::<Flawed<Shuttle, TornUpdate>>(shared));
}
