//! Frees by others: no freed block is lost, none is freed twice.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use anymem_core::{
    page_table::{RemoteFree, SlabState, Unlogged},
    segment::Step,
    sync::AtomicInt,
    thread::Owner,
};
use anymem_loom_tests::{
    Flawed, Loom, Model, NoAcquire, NoRelease, OfSlot, Shuttle, Thread, Tiny, TornExchange,
    TornUpdate, Words, explore, sample, thread,
};

/// Blocks of a slab in these models: one bitmap word.
const BLOCKS: usize = usize::BITS as usize;

/// A way to collect, so that wrong ones can be tried.
type Collect<M> = fn(&Tiny<M>, usize) -> Vec<usize>;

/// A heap whose slabs are owned by slot 0, all their blocks in use; `cells`
/// data cells, one a block.
fn heap<M: Model>(slabs: usize, cells: usize) -> Arc<Tiny<M>> {
    let heap = Tiny::new(slabs, 2, cells);
    for slab in 0..slabs {
        own(&heap, slab, 0);
    }
    Arc::new(heap)
}

fn own<M: Model>(heap: &Tiny<M>, slab: usize, slot: usize) {
    heap.table().claim_at(slab, 1, 0, &OfSlot(slot)).unwrap();
    heap.table().publish(slab, 1, SlabState::Run, &Unlogged);
}

/// A thread that uses `block` of `slab`, frees it, and tells the owner.
fn frees<M: Model>(heap: &Arc<Tiny<M>>, slab: usize, block: usize) -> Thread<Vec<usize>> {
    thread(heap, move |heap| {
        heap.touch(block);
        let owner = heap.table().owner(slab);
        let remote = heap.descriptor(slab).remote();
        assert_eq!(remote.free(0, 1 << block), 0, "it was in use");
        remote.announce(slab, &heap.dirty(owner.slot));
        Vec::new()
    })
}

/// Collects as `slot`, in the order of the protocol; the blocks that became
/// free.
fn collect_all<M: Model>(heap: &Tiny<M>, slot: usize) -> Vec<usize> {
    let dirty = heap.dirty(slot);
    let mut freed = Vec::new();
    let mut next = dirty.take();
    while let Some(slab) = next {
        let descriptor = heap.descriptor(slab);
        next = dirty.next(descriptor.link_at());
        descriptor.remote().received();
        freed.extend(collect_or_pass_on(heap, slab, slot));
    }
    freed
}

/// The same, but `queued` is cleared after the collection.
fn collect_then_receive<M: Model>(heap: &Tiny<M>, slot: usize) -> Vec<usize> {
    let dirty = heap.dirty(slot);
    let mut freed = Vec::new();
    let mut next = dirty.take();
    while let Some(slab) = next {
        let descriptor = heap.descriptor(slab);
        next = dirty.next(descriptor.link_at());
        freed.extend(collect_or_pass_on(heap, slab, slot));
        descriptor.remote().received();
    }
    freed
}

/// The same, but the link is read after `queued` was cleared.
fn receive_then_follow<M: Model>(heap: &Tiny<M>, slot: usize) -> Vec<usize> {
    let dirty = heap.dirty(slot);
    let mut freed = Vec::new();
    let mut next = dirty.take();
    while let Some(slab) = next {
        let descriptor = heap.descriptor(slab);
        descriptor.remote().received();
        freed.extend(collect_or_pass_on(heap, slab, slot));
        next = dirty.next(descriptor.link_at());
    }
    freed
}

/// The same, but slabs that changed hands are dropped.
fn collect_only_own<M: Model>(heap: &Tiny<M>, slot: usize) -> Vec<usize> {
    let dirty = heap.dirty(slot);
    let mut freed = Vec::new();
    let mut next = dirty.take();
    while let Some(slab) = next {
        let descriptor = heap.descriptor(slab);
        next = dirty.next(descriptor.link_at());
        descriptor.remote().received();
        if heap.table().owner(slab).is_run_of(slot) {
            freed.extend(collect(heap, slab));
        }
    }
    freed
}

fn collect_or_pass_on<M: Model>(heap: &Tiny<M>, slab: usize, slot: usize) -> Vec<usize> {
    let owner = heap.table().owner(slab);
    if owner.is_run_of(slot) {
        return collect(heap, slab);
    }
    if owner.state == SlabState::Run {
        heap.descriptor(slab).remote().announce(slab, &heap.dirty(owner.slot));
    }
    Vec::new()
}

/// Moves the remote bits of one slab to the local ones, and uses the blocks.
fn collect<M: Model>(heap: &Tiny<M>, slab: usize) -> Vec<usize> {
    let descriptor = heap.descriptor(slab);
    let bits = descriptor.local_bits(BLOCKS);
    let remote = descriptor.remote();
    let freed = remote.collect(0, remote.freed(0), bits.word(0), bits.full(0));
    let blocks: Vec<_> = (0..BLOCKS).filter(|block| freed & 1 << block != 0).collect();
    blocks.iter().for_each(|&block| heap.touch(block));
    blocks
}

/// Everything was announced: what was collected, and what a last collection
/// yields, is each of `blocks` once.
fn nothing_lost<M: Model>(heap: &Tiny<M>, got: Vec<Vec<usize>>, blocks: usize, last: Collect<M>) {
    let mut all: Vec<_> = got.into_iter().flatten().collect();
    all.extend(last(heap, 0));
    all.extend(last(heap, 1));
    all.sort_unstable();
    assert_eq!(all, (0..blocks).collect::<Vec<_>>(), "each freed block is free once");
    assert!(heap.dirty(0).is_empty() && heap.dirty(1).is_empty());
}

/// The owner collects while another thread frees a block.
fn a_freer_and_the_owner<M: Model>(collect: Collect<M>) {
    let heap = heap::<M>(1, 1);
    let owner = thread(&heap, move |heap| collect(heap, 0));
    let got = M::together(vec![frees(&heap, 0, 0), owner]);
    nothing_lost(&heap, got, 1, collect_all);
    assert_eq!(heap.descriptor(0).remote().word(0).load(Relaxed), 0);
    assert_eq!(heap.descriptor(0).local_bits(BLOCKS).count(), 1);
}

/// The owner collects while two threads free a block each of one slab.
fn two_freers_of_one_slab<M: Model>(collect: Collect<M>) {
    let heap = heap::<M>(1, 2);
    let owner = thread(&heap, move |heap| collect(heap, 0));
    let got = M::together(vec![frees(&heap, 0, 0), frees(&heap, 0, 1), owner]);
    nothing_lost(&heap, got, 2, collect_all);
}

/// The owner collects while two threads free a block each of different slabs.
fn two_freers_of_two_slabs<M: Model>(collect: Collect<M>) {
    let heap = heap::<M>(2, 2);
    let owner = thread(&heap, move |heap| collect(heap, 0));
    let got = M::together(vec![frees(&heap, 0, 0), frees(&heap, 1, 1), owner]);
    nothing_lost(&heap, got, 2, collect_all);
}

/// The owner looks at a slab of its own accord while another thread frees a
/// block in it.
fn a_block_is_handed_over<M: Model>() {
    let heap = heap::<M>(1, 1);
    let owner = thread(&heap, |heap| collect(heap, 0));
    let got = M::together(vec![frees(&heap, 0, 0), owner]);
    nothing_lost(&heap, got, 1, collect_all);
}

/// Two slabs are in the list already; while the owner walks it, one of them is
/// announced again.
fn announced_while_walked<M: Model>(collect: Collect<M>) {
    let heap = heap::<M>(2, 3);
    M::together(vec![frees(&heap, 0, 0)]);
    M::together(vec![frees(&heap, 1, 1)]);
    let owner = thread(&heap, move |heap| collect(heap, 0));
    let got = M::together(vec![frees(&heap, 1, 2), owner]);
    nothing_lost(&heap, got, 3, collect_all);
}

/// A slab goes to another slot between the free of its last block and the
/// announcement; its new owner learns of frees all the same.
fn the_slab_changes_hands<M: Model>(last: Collect<M>) {
    let heap = heap::<M>(1, 2);
    // The former owner finds the bit by looking, gives the slab up, and the
    // next one hands out a block of it, which is freed at once.
    let owners = thread(&heap, |heap| {
        let got = collect(heap, 0);
        if !got.is_empty() {
            heap.descriptor(0).local_bits(BLOCKS).word(0).store(0, Relaxed);
            heap.table().release(0, 1, &Unlogged);
            own(heap, 0, 1);
        }
        heap.touch(1);
        heap.descriptor(0).remote().free(0, 1 << 1);
        let owner = heap.table().owner(0);
        heap.descriptor(0).remote().announce(0, &heap.dirty(owner.slot));
        got
    });
    let got = M::together(vec![frees(&heap, 0, 0), owners]);
    nothing_lost(&heap, got, 2, last);
}

/// Many threads free blocks of three slabs; the owner collects now and then.
fn many_free<M: Model>() {
    const FREERS: usize = 6;
    const EACH: usize = 4;
    let heap = heap::<M>(3, FREERS * EACH);
    let freer = |number: usize| {
        thread(&heap, move |heap| {
            for block in number * EACH..(number + 1) * EACH {
                heap.touch(block);
                let slab = block % 3;
                let remote = heap.descriptor(slab).remote();
                remote.free(0, 1 << block);
                remote.announce(slab, &heap.dirty(0));
            }
            Vec::new()
        })
    };
    let owner = thread(&heap, |heap| (0..5).flat_map(|_| collect_all(heap, 0)).collect());
    let threads = (0..FREERS).map(freer).chain([owner]).collect();
    let got = M::together(threads);
    nothing_lost(&heap, got, FREERS * EACH, collect_all);
}

/// Where a freer dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dies {
    BeforeTheFree,
    AfterIt,
    Never,
}

const FREER: usize = 1;

/// Frees block 0 of slab 0 with a journal, up to where it dies.
fn frees_and_dies<M: Model>(heap: &Tiny<M>, dies: Dies) {
    heap.steps(FREER).begin(Step::RemoteFree { word: 0, mask: 1 });
    if dies != Dies::BeforeTheFree {
        heap.touch(0);
        heap.descriptor(0).remote().free(0, 1);
    }
    if dies == Dies::Never {
        heap.steps(FREER).end();
    }
}

/// As the owner: moves what no journal names, and hands it out; what that was.
fn hand_out<M: Model>(heap: &Tiny<M>) -> Vec<usize> {
    let (descriptor, mut freed) = (heap.descriptor(0), heap.descriptor(0).remote().freed(0));
    for slot in heap.slots().held() {
        if let Some((0, mask)) = heap.steps(slot).remote_free() {
            freed &= !mask;
        }
    }
    hand_out_all(heap, descriptor.remote(), freed)
}

/// As the owner, which does not ask.
fn hand_out_unasked<M: Model>(heap: &Tiny<M>) -> Vec<usize> {
    let remote = heap.descriptor(0).remote();
    let freed = remote.freed(0);
    hand_out_all(heap, remote, freed)
}

fn hand_out_all<M: Model>(
    heap: &Tiny<M>,
    remote: RemoteFree<'_, Words<M>>,
    freed: usize,
) -> Vec<usize> {
    let bits = heap.descriptor(0).local_bits(BLOCKS);
    if remote.collect(0, freed, bits.word(0), bits.full(0)) == 0 {
        return Vec::new();
    }
    heap.touch(0);
    bits.word(0).store(0, Relaxed);
    vec![0]
}

/// As who recovers the freer.
fn replay<M: Model>(heap: &Tiny<M>) {
    let steps = heap.steps(FREER);
    if let Step::RemoteFree { mask, .. } = steps.read() {
        let remote = heap.descriptor(0).remote();
        if remote.freed(0) & mask == 0 {
            remote.free(0, mask);
        }
        steps.end();
    }
}

/// A freer dies while the owner collects and hands out; who recovers it knows
/// whether it got as far as to free the block.
fn a_dead_freer_is_replayed<M: Model>(dies: Dies, hand_out: fn(&Tiny<M>) -> Vec<usize>) {
    let heap = heap::<M>(1, 1);
    let one = |pid| Owner { pid, start: 1 };
    assert!(heap.slots().claim_at(0, one(1)) && heap.slots().claim_at(FREER, one(2)));
    let freer = thread(&heap, move |heap| {
        frees_and_dies(heap, dies);
        replay(heap);
        Vec::new()
    });
    let owner = thread(&heap, move |heap| [hand_out(heap), hand_out(heap)].concat());
    let mut given: Vec<_> = M::together(vec![freer, owner]).concat();
    given.extend(hand_out(&heap));
    assert_eq!(given, [0], "a freed block is handed out once");
}

#[test]
fn loom_a_freer_and_the_owner() {
    explore(None, || a_freer_and_the_owner::<Loom>(collect_all));
}

#[test]
fn loom_a_block_is_handed_over() {
    explore(None, a_block_is_handed_over::<Loom>);
}

#[test]
fn loom_two_freers_of_one_slab() {
    explore(3, || two_freers_of_one_slab::<Loom>(collect_all));
}

#[test]
fn loom_two_freers_of_two_slabs() {
    explore(3, || two_freers_of_two_slabs::<Loom>(collect_all));
}

#[test]
fn loom_announced_while_walked() {
    explore(None, || announced_while_walked::<Loom>(collect_all));
}

#[test]
fn loom_the_slab_changes_hands() {
    explore(None, || the_slab_changes_hands::<Loom>(collect_all));
}

#[test]
fn loom_a_dead_freer_is_replayed() {
    for dies in [Dies::BeforeTheFree, Dies::AfterIt, Dies::Never] {
        explore(None, move || a_dead_freer_is_replayed::<Loom>(dies, hand_out));
    }
}

#[test]
fn shuttle_many_free() {
    sample(300, many_free::<Shuttle>);
}

#[test]
#[should_panic(expected = "each freed block is free once")]
fn mutant_queued_is_cleared_after_the_collection() {
    explore(3, || two_freers_of_one_slab::<Loom>(collect_then_receive));
}

#[test]
#[should_panic(expected = "each freed block is free once")]
fn mutant_link_is_read_late() {
    explore(None, || announced_while_walked::<Loom>(receive_then_follow));
}

#[test]
#[should_panic(expected = "each freed block is free once")]
fn mutant_slab_is_not_passed_on() {
    explore(None, || the_slab_changes_hands::<Loom>(collect_only_own));
}

#[test]
#[should_panic(expected = "each freed block is free once")]
fn mutant_bits_are_moved_apart() {
    explore(3, || two_freers_of_one_slab::<Flawed<Loom, TornUpdate>>(collect_all));
}

#[test]
#[should_panic(expected = "each freed block is free once")]
fn mutant_push_is_torn() {
    explore(3, || two_freers_of_two_slabs::<Flawed<Loom, TornExchange>>(collect_all));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_free_does_not_publish() {
    explore(None, a_block_is_handed_over::<Flawed<Loom, NoRelease>>);
}

#[test]
#[should_panic(expected = "each freed block is free once")]
fn mutant_announcement_does_not_publish() {
    explore(None, || a_freer_and_the_owner::<Flawed<Loom, NoRelease>>(collect_all));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_collection_does_not_acquire() {
    explore(None, a_block_is_handed_over::<Flawed<Loom, NoAcquire>>);
}

#[test]
#[should_panic(expected = "each freed block is free once")]
fn mutant_owner_does_not_acquire() {
    explore(None, || a_freer_and_the_owner::<Flawed<Loom, NoAcquire>>(collect_all));
}

#[test]
#[should_panic(expected = "a freed block is handed out once")]
fn mutant_owner_does_not_ask_the_journals() {
    explore(None, || a_dead_freer_is_replayed::<Loom>(Dies::AfterIt, hand_out_unasked));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn mutant_journal_is_not_published() {
    explore(None, || {
        a_dead_freer_is_replayed::<Flawed<Loom, NoRelease>>(Dies::AfterIt, hand_out);
    });
}

#[test]
#[should_panic(expected = "each freed block is free once")]
fn mutant_bits_are_moved_apart_among_many() {
    sample(300, many_free::<Flawed<Shuttle, TornUpdate>>);
}
