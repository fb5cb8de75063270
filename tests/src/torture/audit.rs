//! What must hold at the end of a round, when all its processes are over.
//!
//! - Recovery leaves a heap in order, and nothing to recover.
//! - Every block that somebody has is intact, and no two overlap.
//! - The containers are as they may be, and go.
//! - When all that is known was freed, nothing is left but what deaths may lose.

use std::ops::ControlFlow;

use anymem::SharedHeap;
use anymem_core::allocator::{Allocator, Rule, SlabUse, Stats};
use anymem_core::offset::Offset;
use anymem_core::size_class::SEAL;
use anymem_core::thread::Context;

use super::board::Board;
use super::pattern;
use super::scene::{Scene, Setting};
use super::shared_work;
use super::shelf::Shelf;
use super::table::{Block, Table};

/// What was left when all was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Left {
    /// Blocks that nobody has.
    pub(super) lost: usize,
    /// Blocks whose owners died before a free had begun to take effect.
    pub(super) unfreed: usize,
    /// Slabs that are kept although none of their blocks is in use.
    pub(super) slabs: usize,
}

/// Recovers the heap, and looks whether all is as it should be.
pub(super) fn verify(heap: &SharedHeap, board: &Board, scene: &Scene) -> Result<(), String> {
    heap.recover();
    let again = heap.recover();
    if again > 0 {
        return Err(format!("{again} slots were recovered again"));
    }
    let me = std::process::id();
    if let Some(owner) = heap.owners().find(|owner| owner.pid != me) {
        return Err(format!("a slot is still held, by {owner}"));
    }
    in_order(heap, scene)?;
    let stats = heap.stats();
    if stats.double_frees + stats.bad_entries + stats.overflows > 0 {
        return Err(format!("freed twice, or overwritten: {stats:?}"));
    }
    let blocks = board.table.blocks();
    if let Some(pair) = Table::overlap(&blocks) {
        return Err(format!("two blocks overlap: {pair:x?}"));
    }
    blocks.iter().try_for_each(|block| is_intact(heap, block))?;
    shared_work::look(heap)?;
    (0..scene.processes()).try_for_each(|lane| {
        let shelf = Shelf::find(heap, lane).ok_or("a shelf is gone")?;
        // SAFETY: its process is over.
        let known = unsafe { shelf.as_ref() }.is_known(&board.lanes[lane].model);
        known.map_err(|what| format!("shelf {lane}: {what}"))
    })
}

/// Gives everything back that anybody has, and counts what is left.
///
/// `unsettled` are blocks that the dead were freeing.
pub(super) fn clear(
    heap: &SharedHeap,
    board: &Board,
    scene: &Scene,
    unsettled: &[Block],
) -> Result<Left, String> {
    shared_work::take_down(heap)?;
    for lane in 0..scene.processes() {
        Shelf::take_down(heap, lane)?;
        shared_work::see_off(heap, lane)?;
    }
    for block in board.table.blocks() {
        // SAFETY: nobody uses it any more.
        let freed = unsafe { heap.free(Context::DEFAULT, Offset::new(block.at), block.layout) };
        freed.map_err(|error| format!("{block:x?} could not be freed: {error}"))?;
    }
    board.table.clear();
    heap.trim();
    in_order(heap, scene)?;
    let found = heap.stats();
    if found.double_frees > 0 {
        return Err(format!("{} blocks were freed twice", found.double_frees));
    }
    let unfreed = unsettled.iter().filter(|block| free_if_live(heap, block)).count();
    heap.trim();
    let stats = heap.stats();
    let slabs = stats.slabs - slabs_of_blocks(&stats);
    let left = Left { lost: stats.live_blocks, unfreed, slabs };
    if left.lost + left.slabs == 0 {
        is_whole(heap, &stats)?;
    }
    Ok(left)
}

/// Frees a block unless it is free; whether it was not.
///
/// While nothing else is in use: then whatever is in use there is it, or another
/// one that is lost.
fn free_if_live(heap: &SharedHeap, block: &Block) -> bool {
    let before = heap.stats().live_blocks;
    // SAFETY: its owner is dead. Without a slot, what is no block is refused, and
    // what is free counted.
    let _ = unsafe { heap.allocator().free_unsized(Offset::new(block.at)) };
    heap.stats().live_blocks < before
}

/// How many calls without a heap slot have a journal at a time.
const JOURNALS: usize = 8;

/// The rules that a death without a heap slot and a journal breaks: nothing tells then
/// which slabs the dead process was changing, so they stay as they are.
const WITHOUT_SLOT: [Rule; 4] =
    [Rule::ClaimIsFinished, Rule::FreeIsFinished, Rule::TailHasHead, Rule::LengthIsTrue];

/// The heap's rules hold.
fn in_order(heap: &SharedHeap, scene: &Scene) -> Result<(), String> {
    let mut found = None;
    heap.allocator().for_each_fault(&mut |fault| {
        let unnoted = scene.setting == Setting::Crowded && scene.processes() > JOURNALS;
        if unnoted && WITHOUT_SLOT.contains(&fault.rule) {
            return ControlFlow::Continue(());
        }
        found = Some(fault);
        ControlFlow::Break(())
    });
    found.map_or(Ok(()), |fault| Err(fault.to_string()))
}

fn is_intact(heap: &SharedHeap, block: &Block) -> Result<(), String> {
    let len = block.layout.size();
    let start = heap.resolve(Offset::new(block.at), len).ok_or("a block outside of the heap")?;
    if block.tag == 0 {
        return Ok(());
    }
    // SAFETY: nobody writes to it any more.
    let spoilt = unsafe { pattern::spoilt(start, len, block.tag) };
    spoilt.map_or(Ok(()), |index| Err(format!("byte {index} of {block:x?} was overwritten")))
}

/// Where blocks are left, a slab each.
pub(super) fn remains(heap: &SharedHeap) -> String {
    let mut remains = Vec::new();
    heap.allocator().for_each_slab(&mut |slab| {
        let is_left = match slab.used {
            SlabUse::Run { blocks, free, .. } => free < blocks,
            other => other == SlabUse::Large,
        };
        if is_left {
            remains.push(format!("slab {}: {:?}", slab.number, slab.used));
        }
    });
    remains.join(", ")
}

fn is_whole(heap: &SharedHeap, stats: &Stats) -> Result<(), String> {
    let all = crate::heap::layout(stats.capacity - SEAL, 1);
    let at = heap.allocate(Context::DEFAULT, all);
    let at = at.map_err(|error| format!("not all can be had as one block: {error}"))?;
    crate::heap::free(heap, at, all);
    Ok(())
}

/// Slabs with a block in use.
fn slabs_of_blocks(stats: &Stats) -> usize {
    let used = stats.classes.iter().filter(|class| class.live > 0);
    stats.span_slabs + used.map(|class| class.slabs).sum::<usize>()
}
