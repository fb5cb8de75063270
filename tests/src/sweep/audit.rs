//! What must hold after a death.
//!
//! - Recovery leaves a heap in order, and nothing to recover.
//! - What was promised is there: the blocks of calls that returned are intact,
//!   and nothing else is handed out in their place.
//! - Everything else is free, but for one block at most, of the call that was in
//!   flight; or what [`Loss`] says.

use std::collections::BTreeMap;

use anymem_core::allocator::{Allocator, Stats};
use anymem_core::offset::Offset;
use anymem_core::segment::AttachError;
use anymem_core::size_class::SEAL;
use anymem_core::thread::{Context, Liveness};

use super::cast::Role;
use super::ledger::{Account, Call, Held, Linked};
use super::memory::Memory;
use super::operations::Loss;
use super::stage::{SLAB, Stage, layout};

/// Block sizes by which all room is had: runs, slabs, and what is left in slabs.
const LARGE_FIRST: [usize; 4] = [8 * SLAB, SLAB, 800, 48];

/// The same, so that slabs are cut into the blocks that they were cut into before.
const SMALL_FIRST: [usize; 4] = [SLAB / 8, 48, 800, SLAB];

/// When the dead are recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// First of all.
    RecoverFirst,
    /// When the living have freed what they knew of, and used all there is.
    UseFirst,
}

/// Takes over from `dead` roles; how many blocks were lost.
///
/// # Errors
///
/// What does not hold.
pub(super) fn audit(
    stage: &Stage<'_>,
    dead: &[Role],
    loss: Loss,
    order: Order,
) -> Result<usize, String> {
    let account = stage.ledger.account();
    stage.cast().act_as(Role::Survivor);
    dead.iter().for_each(|&role| stage.cast().bury(role));
    let mut all = account.held.clone();
    all.extend(linked(stage, &account)?);
    match order {
        Order::RecoverFirst => recover(stage)?,
        Order::UseFirst => {}
    }
    stage.enter(Role::Survivor);
    if order == Order::UseFirst {
        is_intact(stage, &all)?;
        use_heap(stage, &account, &mut all)?;
        recover(stage)?;
    }
    take_everything(stage, Role::Survivor, &mut all, &LARGE_FIRST)?;
    in_order(stage)?;
    is_intact(stage, &all)?;
    settle(stage, &account, &all);
    give_back(stage, &all);
    let heirs = usize::from(dead.contains(&Role::Heir));
    count_lost(stage, &account, loss, heirs)
}

/// As [`audit`], of a heap whose creator died: it is complete, or can be told
/// from one that is.
pub(super) fn audit_creation(memory: &Memory, order: Order) -> Result<usize, String> {
    let dead = [Role::Victim];
    let stage = match Stage::attach(memory, &dead) {
        Ok(stage) => stage,
        Err(AttachError::StillCreating { .. }) => return Err("the dead one is waited for".into()),
        Err(_) => Stage::new(memory, Role::Survivor),
    };
    audit(&stage, &dead, Loss::Block, order)
}

/// The blocks that links name, each what its exchange made it.
fn linked(stage: &Stage<'_>, account: &Account) -> Result<Vec<(usize, Held)>, String> {
    let mut found = Vec::new();
    for (&link, &Linked { last, next }) in &account.links {
        let at = stage.linked(link);
        let block = match last {
            Some((last, block)) if last == at => Some(block),
            _ => next,
        };
        match block {
            _ if at == 0 => {}
            Some(block) => found.push((at, block)),
            None => return Err(format!("the link +{link:#x} names +{at:#x}")),
        }
    }
    Ok(found)
}

fn recover(stage: &Stage<'_>) -> Result<(), String> {
    stage.heap.recover();
    in_order(stage)?;
    if stage.heap.owners().any(|owner| !stage.cast().is_alive(owner)) {
        return Err("a dead one holds a slot".into());
    }
    match (stage.heap.recover(), stage.heap.stats().double_frees) {
        (0, 0) => Ok(()),
        (0, count) => Err(format!("{count} blocks were freed twice")),
        (count, _) => Err(format!("{count} slots were recovered again")),
    }
}

fn in_order(stage: &Stage<'_>) -> Result<(), String> {
    stage.heap.check().map_err(|broken| broken.to_string())
}

fn is_intact(stage: &Stage<'_>, held: &BTreeMap<usize, Held>) -> Result<(), String> {
    let mut filled = held.iter().filter(|(_, held)| held.tag != 0);
    let spoilt = filled.find(|(at, held)| !stage.is_filled(**at, held.size, held.tag));
    spoilt
        .map_or(Ok(()), |(at, held)| Err(format!("the block +{at:#x}, {held:?}, was overwritten")))
}

/// Frees the block of a call in flight, unless it was free: then somebody else has
/// it by now.
fn settle(stage: &Stage<'_>, account: &Account, all: &BTreeMap<usize, Held>) {
    let Some(Call::Free(block) | Call::Reallocate(block, _)) = account.in_flight else { return };
    if end_before(all, block + 1) <= block {
        // SAFETY: its owner is dead. Without a slot, what is no block is refused.
        let _ = unsafe { stage.heap.free(Context::DEFAULT, Offset::new(block), layout(1)) };
    }
}

/// Where the last block ends that begins below `end`.
fn end_before(all: &BTreeMap<usize, Held>, end: usize) -> usize {
    all.range(..end).next_back().map_or(0, |(at, block)| at + block.size)
}

/// Frees every other block and allocates what there is: through the slot that
/// lived while the victim died, if there is one.
fn use_heap(
    stage: &Stage<'_>,
    account: &Account,
    all: &mut BTreeMap<usize, Held>,
) -> Result<(), String> {
    let user = if stage.has_slot(Role::Neighbour) { Role::Neighbour } else { Role::Survivor };
    stage.cast().act_as(user);
    // Links, and what they name, stay as they are until the dead are recovered.
    let named: Vec<_> = linked(stage, account)?.iter().map(|&(at, _)| at).collect();
    let free = all.iter().filter(|(at, block)| block.tag != 0 && !named.contains(at));
    let given: Vec<_> = free.step_by(2).map(|(&at, &block)| (at, block)).collect();
    for (at, block) in given {
        all.remove(&at);
        stage.free_unnoted(user, at, block.size).map_err(|error| error.to_string())?;
    }
    take_everything(stage, user, all, &SMALL_FIRST)?;
    stage.cast().act_as(Role::Survivor);
    Ok(())
}

/// Allocates all there is; none of it is held by anybody.
fn take_everything(
    stage: &Stage<'_>,
    user: Role,
    all: &mut BTreeMap<usize, Held>,
    sizes: &[usize],
) -> Result<(), String> {
    let context = stage.context(user);
    for &size in sizes {
        while let Ok(at) = stage.heap.allocate(context, layout(size)) {
            let (at, block) = (at.get(), Held { size, tag: (at.get() >> 4) as u8 | 1 });
            if end_before(all, at + size) > at {
                return Err(format!("+{at:#x} was handed out, which somebody has"));
            }
            stage.fill(at, size, block.tag);
            all.insert(at, block);
        }
    }
    Ok(())
}

fn give_back(stage: &Stage<'_>, all: &BTreeMap<usize, Held>) {
    for (&at, block) in all {
        stage.free_unnoted(Role::Survivor, at, block.size).expect("a live block");
    }
}

/// What is left when everything was given back and all others are gone.
///
/// The `heirs` died as well, and may have lost as much of what they put back.
fn count_lost(
    stage: &Stage<'_>,
    account: &Account,
    loss: Loss,
    heirs: usize,
) -> Result<usize, String> {
    for role in [Role::Victim, Role::Neighbour, Role::Heir] {
        stage.cast().bury(role);
    }
    stage.heap.recover();
    stage.heap.trim(stage.context(Role::Survivor));
    in_order(stage)?;
    let stats = stage.heap.stats();
    let in_flight = match account.in_flight {
        // In a hardened heap the old block has no seal any more when it is freed.
        Some(Call::Reallocate(..)) if SEAL != 0 => 2,
        Some(_) => 1,
        None => 0,
    };
    let blocks = (in_flight + heirs)
        * match loss {
            Loss::Nothing => 0,
            Loss::Block => 1,
        };
    let (lost, idle) = (stats.live_blocks, stats.slabs - slabs_of_blocks(&stats));
    if lost > blocks || idle > 0 {
        return Err(format!(
            "{lost} blocks were lost, {blocks} at most may be; {idle} slabs are in use without one"
        ));
    }
    let whole = layout(stats.capacity - SEAL);
    let context = stage.context(Role::Survivor);
    if lost == 0 && stage.heap.allocate(context, whole).is_err() {
        return Err("not all of the heap can be had as one block".into());
    }
    Ok(lost)
}

/// Slabs with a block in use.
fn slabs_of_blocks(stats: &Stats) -> usize {
    let used = stats.classes.iter().filter(|class| class.live > 0);
    stats.span_slabs + used.map(|class| class.slabs).sum::<usize>()
}
