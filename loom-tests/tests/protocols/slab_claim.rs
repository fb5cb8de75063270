//! Slabs and runs of slabs: claimed by one, rolled back, handed over, freed
//! once.

use std::sync::Arc;

use anymem_core::page_table::{Journal, SlabState, Unlogged, Want};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, OfSlot, Shuttle, Thread, Tiny, TornExchange,
    explore, sample, thread,
};

/// A heap with a data cell a slab.
fn heap<M: Model>(slabs: usize) -> Arc<Tiny<M>> {
    Arc::new(Tiny::new(slabs, 1, slabs))
}

fn touch<M: Model>(heap: &Tiny<M>, first: usize, count: usize) {
    (first..first + count).for_each(|slab| heap.touch(slab));
}

/// Claims `first..first + count` and keeps it.
fn claims<M: Model>(heap: &Arc<Tiny<M>>, first: usize, count: usize) -> Thread<bool> {
    thread(heap, move |heap| {
        let claimed = heap.table().claim_at(first, count, 0, &OfSlot(0)).is_ok();
        if claimed {
            touch(heap, first, count);
        }
        claimed
    })
}

/// Claims `first..first + count`, uses it and releases it.
fn uses<M: Model>(heap: &Arc<Tiny<M>>, first: usize, count: usize) -> Thread<bool> {
    thread(heap, move |heap| {
        let claimed = heap.table().claim_at(first, count, 0, &OfSlot(0)).is_ok();
        if claimed {
            touch(heap, first, count);
            heap.table().release(first, count, &Unlogged);
        }
        claimed
    })
}

/// Claims `count` slabs wherever they are; the first one.
fn finds<M: Model>(heap: &Arc<Tiny<M>>, count: usize) -> Thread<Option<usize>> {
    thread(heap, move |heap| {
        let want = Want::anywhere(count);
        let found = heap.table().claim(want, usize::MAX, 0, &OfSlot(0)).ok()?;
        touch(heap, found, count);
        Some(found)
    })
}

/// A large block that is there before the threads start.
fn publish_span<M: Model>(heap: &Tiny<M>, first: usize, count: usize) {
    heap.table().claim_at(first, count, 0, &OfSlot(0)).unwrap();
    touch(heap, first, count);
    heap.table().publish(first, count, SlabState::Span, &Unlogged);
}

/// Frees the large block at `first`.
fn free_span<M: Model>(heap: &Tiny<M>, first: usize, count: usize, slot: usize) -> bool {
    let begun = heap.table().begin_free(first, slot);
    if begun {
        touch(heap, first, count);
        heap.table().release_all(first, count);
    }
    begun
}

/// Whether all slabs are free, and can be had in one run.
fn all_free<M: Model>(heap: &Tiny<M>, slabs: usize) -> bool {
    heap.table().rebuild(slabs, |_, _| ());
    heap.table().claim(Want::anywhere(slabs), usize::MAX, 0, &OfSlot(0)).is_ok()
}

/// Two threads want the same slab.
fn one_claims<M: Model>() {
    let heap = heap::<M>(1);
    let won = M::together(vec![claims(&heap, 0, 1), claims(&heap, 0, 1)]);
    assert_eq!(won.iter().filter(|&&won| won).count(), 1, "one slab, one owner");
}

/// Two threads want runs that share a slab: nobody else is in the way, so one
/// of them gets its run, and what the other one had is free again.
fn overlapping_runs<M: Model>() {
    let heap = heap::<M>(3);
    let won = M::together(vec![claims(&heap, 0, 2), claims(&heap, 1, 2)]);
    assert_eq!(won.iter().filter(|&&won| won).count(), 1, "one of two runs");
    let left = if won[0] { 2 } else { 0 };
    assert_eq!(heap.table().owner(left).state, SlabState::Free, "rolled back");
    assert!(heap.table().claim_at(left, 1, 0, &OfSlot(0)).is_ok());
}

/// Two threads want two and three slabs; the shorter run is inside the longer.
fn nested_runs<M: Model>() {
    let heap = heap::<M>(3);
    let won = M::together(vec![uses(&heap, 0, 3), uses(&heap, 1, 2)]);
    assert!(won.contains(&true), "one of them is not in the other's way");
    assert!(all_free(&heap, 3), "both runs were given back");
}

/// Two threads look for a slab each; there are two.
fn each_finds_one<M: Model>() {
    let heap = heap::<M>(2);
    let found = M::together(vec![finds(&heap, 1), finds(&heap, 1)]);
    assert!(found.iter().all(Option::is_some), "there is one for each");
    assert_ne!(found[0], found[1], "one slab, one owner");
}

/// Three threads want overlapping runs, and give back what they got.
fn three_overlap<M: Model>() {
    let heap = heap::<M>(3);
    M::together(vec![uses(&heap, 0, 2), uses(&heap, 1, 1), uses(&heap, 1, 2)]);
    assert!(all_free(&heap, 3), "all runs were given back");
}

/// One thread gives a large block back while another one claims its slabs.
fn a_freed_block_is_claimed<M: Model>() {
    let heap = heap::<M>(2);
    publish_span(&heap, 0, 2);
    let frees = thread(&heap, |heap| free_span(heap, 0, 2, 0));
    let done = M::together(vec![frees, claims(&heap, 0, 2), claims(&heap, 1, 1)]);
    assert!(done[0]);
    assert!(!(done[1] && done[2]), "one slab, one owner");
}

/// Two threads free the same large block: only one of them dismantles it.
fn one_frees<M: Model>() {
    let heap = heap::<M>(2);
    publish_span(&heap, 0, 2);
    let free = |slot| thread(&heap, move |heap| free_span(heap, 0, 2, slot));
    let freed = M::together(vec![free(0), free(1)]);
    assert_eq!(freed.iter().filter(|&&freed| freed).count(), 1, "a double free is seen");
    assert!(all_free(&heap, 2));
}

/// A block is formatted, published, and found through its owner words.
fn what_is_published_is_seen<M: Model>() {
    let heap = heap::<M>(2);
    let makes = thread(&heap, |heap| {
        heap.table().claim_at(0, 2, 0, &OfSlot(0)).unwrap();
        touch(heap, 0, 2);
        heap.table().publish(0, 2, SlabState::Span, &Unlogged);
    });
    let looks = thread(&heap, |heap| {
        if heap.table().owner(0).state == SlabState::Span {
            assert_eq!(heap.table().owner(1).state, SlabState::Tail, "the head comes last");
            touch(heap, 0, 2);
        }
    });
    M::together(vec![makes, looks]);
}

/// The journal of slot 0, which looks at what it is told of.
struct Looks<'h, M: Model>(&'h Tiny<M>);

impl<M: Model> Journal for Looks<'_, M> {
    fn slot(&self) -> usize {
        0
    }

    fn note(&self, first: usize, _count: usize) {
        // Another slot may have claimed it by now, and published it.
        let owner = self.0.table().owner(first);
        assert!(owner.state == SlabState::Free || owner.slot != 0, "a block that was there");
    }

    fn note_resize(&self, _head: usize, _first: usize, _count: usize) {}

    fn clear(&self) {}
}

/// A thread claims where it has a block itself, and where another one frees one: its
/// journal never names a block of its own that is not the new one.
fn no_other_block_is_noted<M: Model>() {
    let heap = heap::<M>(2);
    publish_span(&heap, 0, 1);
    heap.table().claim_at(1, 1, 0, &OfSlot(1)).unwrap();
    heap.table().publish(1, 1, SlabState::Span, &Unlogged);
    let frees = thread(&heap, |heap| free_span(heap, 1, 1, 1));
    let claims = thread(&heap, |heap| {
        assert!(heap.table().claim_at(0, 1, 0, &Looks(heap)).is_err());
        heap.table().claim_at(1, 1, 0, &Looks(heap)).is_ok()
    });
    M::together(vec![frees, claims]);
}

/// Many threads claim, use and release runs of one to three slabs.
fn many_claim_runs<M: Model>() {
    const SLABS: usize = 8;
    let heap = heap::<M>(SLABS);
    let churn = |number: usize| {
        thread(&heap, move |heap| {
            for round in 0..4 {
                let count = 1 + (number + round) % 3;
                let want = Want::anywhere(count);
                let Ok(first) = heap.table().claim(want, SLABS, 0, &OfSlot(0)) else {
                    heap.table().rebuild(SLABS, |_, _| ());
                    continue;
                };
                touch(heap, first, count);
                heap.table().publish(first, count, SlabState::Span, &Unlogged);
                assert!(free_span(heap, first, count, 0), "two owners at a time");
            }
        })
    };
    M::together((0..6).map(churn).collect());
    assert!(all_free(&heap, SLABS), "all runs were given back");
}

#[test]
fn loom_one_claims() {
    explore(None, one_claims::<Loom>);
}

#[test]
fn loom_overlapping_runs() {
    explore(None, overlapping_runs::<Loom>);
}

#[test]
fn loom_nested_runs() {
    explore(None, nested_runs::<Loom>);
}

#[test]
fn loom_each_finds_one() {
    explore(None, each_finds_one::<Loom>);
}

#[test]
fn loom_three_overlap() {
    explore(3, three_overlap::<Loom>);
}

#[test]
fn loom_a_freed_block_is_claimed() {
    explore(3, a_freed_block_is_claimed::<Loom>);
}

#[test]
fn loom_one_frees() {
    explore(None, one_frees::<Loom>);
}

#[test]
fn loom_what_is_published_is_seen() {
    explore(None, what_is_published_is_seen::<Loom>);
}

#[test]
fn shuttle_many_claim_runs() {
    sample(300, many_claim_runs::<Shuttle>);
}

#[test]
#[should_panic(expected = "one slab, one owner")]
fn mutant_claim_is_torn() {
    // Without data, so that it is the count of owners that fails.
    explore(None, || {
        let heap = heap::<Flawed<Loom, TornExchange>>(1);
        let claim = || thread(&heap, |heap| heap.table().claim_at(0, 1, 0, &OfSlot(0)).is_ok());
        let won = Flawed::<Loom, TornExchange>::together(vec![claim(), claim()]);
        assert_eq!(won.iter().filter(|&&won| won).count(), 1, "one slab, one owner");
    });
}

#[test]
fn claims_note_no_other_block() {
    explore(None, no_other_block_is_noted::<Loom>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_runs_overlap() {
    explore(None, overlapping_runs::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_release_does_not_publish() {
    explore(3, a_freed_block_is_claimed::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_claim_does_not_acquire() {
    explore(3, a_freed_block_is_claimed::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_free_is_torn() {
    explore(None, one_frees::<Flawed<Loom, TornExchange>>);
}

#[test]
#[should_panic(expected = "the head comes last")]
fn mutant_publish_is_not_ordered() {
    explore(None, what_is_published_is_seen::<Flawed<Loom, NoRelease>>);
}

/// A claim that leaves what it got when the next slab is taken.
#[test]
#[should_panic(expected = "rolled back")]
fn mutant_claim_is_not_rolled_back() {
    explore(None, || {
        let heap = heap::<Loom>(3);
        let claim = |first| {
            thread(&heap, move |heap| {
                (first..first + 2).all(|slab| heap.table().claim_at(slab, 1, 0, &OfSlot(0)).is_ok())
            })
        };
        let won = Loom::together(vec![claim(0), claim(1)]);
        let left = if won[0] { 2 } else { 0 };
        assert_eq!(heap.table().owner(left).state, SlabState::Free, "rolled back");
    });
}

#[test]
#[should_panic(expected = "two owners at a time")]
fn mutant_claim_is_torn_among_many() {
    sample(300, many_claim_runs::<Flawed<Shuttle, TornExchange>>);
}
