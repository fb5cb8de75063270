//! What victims die of.
//!
//! Each operation makes a heap ready and answers what its victim then does. The
//! calls are chosen so that they pass through every way there is: which one takes
//! which follows from how magazines grow, see `allocator/allowance.rs` in core.

use anymem_core::allocator::AllocError;
use anymem_core::size_class::SEAL;

use super::cast::Role::{self, Neighbour, Victim};
use super::stage::{SLAB, Stage};

/// What a victim does.
pub(super) type Act<'s> = Box<dyn Fn() + 's>;

/// How a heap is made ready.
#[derive(Debug, Clone, Copy)]
pub(super) enum Script {
    /// Makes a heap ready for what it answers.
    Play(for<'s> fn(&'s Stage<'_>) -> Act<'s>),
    /// The heap is made by the victim.
    Creation,
}

/// Something to die of.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// What it is called.
    pub name: &'static str,
    /// Whether it is short enough to look at all of it each time.
    pub short: bool,
    pub(super) script: Script,
    pub(super) loss: Loss,
}

/// What a death may lose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// Nothing: the call says where its block will be linked.
    Nothing,
    /// The block of the call in flight.
    Block,
}

const fn short(name: &'static str, play: for<'s> fn(&'s Stage<'_>) -> Act<'s>) -> Operation {
    Operation { name, short: true, script: Script::Play(play), loss: Loss::Block }
}

const fn safe(name: &'static str, play: for<'s> fn(&'s Stage<'_>) -> Act<'s>) -> Operation {
    Operation { loss: Loss::Nothing, ..short(name, play) }
}

const fn long(name: &'static str, play: for<'s> fn(&'s Stage<'_>) -> Act<'s>) -> Operation {
    Operation { short: false, ..short(name, play) }
}

/// What a death may lose of blocks that are freed and are whole slabs. In a hardened
/// heap there is a moment when one has no seal any more and its slabs are not free.
const UNSEALED: Loss = if SEAL == 0 { Loss::Nothing } else { Loss::Block };

/// All operations.
pub const OPERATIONS: &[Operation] = &[
    Operation { script: Script::Creation, ..short("create", claim_slot) },
    short("claim-slot", claim_slot),
    short("allocate", allocate),
    short("free", free),
    short("allocate-run", allocate_run),
    short("free-foreign", free_foreign),
    short("free-foreign-run", free_foreign_run),
    short("free-by-address", free_by_address),
    short("collect", collect),
    short("large", large),
    short("resize", resize),
    short("move", move_large),
    safe("link", link),
    safe("link-first", link_first),
    safe("link-large", link_large),
    safe("relink", relink),
    safe("relink-full", relink_full),
    safe("relink-foreign", relink_foreign),
    long("refill", refill),
    long("flush", flush),
    long("flush-shared", flush_shared),
    Operation { loss: UNSEALED, ..long("flush-slabs", flush_slabs) },
    long("without-slot", without_slot),
    long("retire-shared", retire_shared),
    long("retire-without-slot", retire_without_slot),
    Operation { loss: Loss::Nothing, ..long("retire-by-trim", retire_by_trim) },
    long("release-slabs", release_slabs),
    long("release-runs", release_runs),
    long("reallocate", reallocate),
    long("exit", exit),
    long("trim", trim),
    long("reclaim", reclaim),
    long("decay", decay),
];

/// A size of which a slab has many blocks.
const SMALL: usize = 48;

/// Blocks of that size in a slab.
const SMALL_BLOCKS: usize = SLAB / SMALL;

/// A size whose blocks come from runs of eight slabs.
const MIDDLE: usize = 800;

/// A size that takes slabs of its own.
const LARGE: usize = 3 * SLAB;

/// Allocates a block, if there is one.
fn ask(stage: &Stage<'_>, size: usize) {
    let _: Result<usize, AllocError> = stage.allocate(Victim, size);
}

fn free_all(stage: &Stage<'_>, blocks: &[usize], size: usize) {
    blocks.iter().for_each(|&block| stage.free(Victim, block, size));
}

fn claim_slot<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    Box::new(|| stage.other(Victim, || stage.enter(Victim)))
}

/// From the magazine, which has blocks.
fn allocate<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    stage.allocate_all(Victim, SMALL, 2);
    Box::new(|| ask(stage, SMALL))
}

/// Into the magazine, which has room.
fn free<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let blocks = stage.allocate_all(Victim, SMALL, 2);
    Box::new(move || stage.free(Victim, blocks[0], SMALL))
}

/// Claims a run of eight slabs and cuts it.
fn allocate_run<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    Box::new(|| ask(stage, MIDDLE))
}

/// Of a fresh slab, and what follows until it is used up.
fn refill<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    Box::new(|| (0..=SMALL_BLOCKS).for_each(|_| ask(stage, SMALL)))
}

/// Own blocks, until the magazine is full a few times.
fn flush<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let blocks = stage.allocate_all(Victim, SMALL, 50);
    Box::new(move || free_all(stage, &blocks, SMALL))
}

/// Blocks of another's slab.
fn free_foreign<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    stage.enter(Neighbour);
    let blocks = stage.allocate_all(Neighbour, SMALL, 30);
    Box::new(move || free_all(stage, &blocks, SMALL))
}

/// The same of runs of eight slabs, from the end.
fn free_foreign_run<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    stage.enter(Neighbour);
    let mut blocks = stage.allocate_all(Neighbour, MIDDLE, 6);
    blocks.reverse();
    Box::new(move || free_all(stage, &blocks, MIDDLE))
}

/// Short blocks of another's slab, through the outbox.
fn free_by_address<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    stage.enter(Neighbour);
    let blocks = stage.allocate_all(Neighbour, SMALL, 20);
    Box::new(move || blocks.iter().for_each(|&block| stage.free_by_address(Victim, block)))
}

/// What others freed in the victim's slab.
fn collect<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    stage.enter(Neighbour);
    let blocks = stage.allocate_all(Victim, SMALL, SMALL_BLOCKS);
    blocks[..40].iter().for_each(|&block| stage.free(Neighbour, block, SMALL));
    stage.leave(Neighbour);
    Box::new(|| (0..3).for_each(|_| ask(stage, SMALL)))
}

fn large<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    Box::new(|| {
        let block = stage.allocate(Victim, LARGE).expect("room");
        stage.free(Victim, block, LARGE);
    })
}

/// A block that a link names, and no more.
fn link<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let link = stage.link(Victim);
    stage.allocate_all(Victim, SMALL, 2);
    Box::new(move || {
        stage.exchange(Victim, link, 0, SMALL);
        stage.exchange(Victim, link, SMALL, 0);
    })
}

/// The first block of its size: a run is claimed.
fn link_first<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let link = stage.link(Victim);
    Box::new(move || stage.exchange(Victim, link, 0, MIDDLE))
}

/// One of slabs of its own, where others have some as well.
fn link_large<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    stage.enter(Neighbour);
    let link = stage.link(Victim);
    let blocks = [0; 3].map(|_| stage.allocate(Neighbour, LARGE).expect("room"));
    stage.free(Neighbour, blocks[1], LARGE);
    Box::new(move || {
        stage.exchange(Victim, link, 0, LARGE);
        stage.exchange(Victim, link, LARGE, 0);
    })
}

/// Small, large, larger, small.
fn relink<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let link = stage.link(Victim);
    stage.exchange(Victim, link, 0, SMALL);
    Box::new(move || {
        for (old, new) in [(SMALL, LARGE), (LARGE, 2 * LARGE), (2 * LARGE, SMALL)] {
            stage.exchange(Victim, link, old, new);
        }
    })
}

/// The old block finds its magazine full.
fn relink_full<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let link = stage.link(Victim);
    let blocks = stage.allocate_all(Victim, SMALL, 12);
    stage.exchange(Victim, link, 0, SMALL);
    free_all(stage, &blocks, SMALL);
    Box::new(move || {
        for (old, new) in [(SMALL, MIDDLE), (MIDDLE, SMALL), (SMALL, SMALL)] {
            stage.exchange(Victim, link, old, new);
        }
    })
}

/// The old block is of a neighbour's slab.
fn relink_foreign<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    stage.enter(Neighbour);
    let link = stage.link(Neighbour);
    stage.exchange(Neighbour, link, 0, SMALL);
    stage.allocate_all(Neighbour, SMALL, 20);
    Box::new(move || {
        stage.exchange(Victim, link, SMALL, MIDDLE);
        stage.exchange(Victim, link, MIDDLE, 0);
    })
}

/// Longer and shorter in place.
fn resize<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let block = stage.allocate(Victim, LARGE).expect("room");
    Box::new(move || {
        assert_eq!(stage.reallocate(Victim, block, LARGE, 2 * LARGE), Ok(block));
        assert_eq!(stage.reallocate(Victim, block, 2 * LARGE, LARGE), Ok(block));
    })
}

/// Longer, where there is no room behind the block.
fn move_large<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let block = stage.allocate(Victim, LARGE).expect("room");
    stage.allocate(Victim, LARGE).expect("room");
    Box::new(move || {
        stage.reallocate(Victim, block, LARGE, LARGE + SLAB).expect("room");
    })
}

/// Small blocks that become larger ones.
fn reallocate<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let block = stage.allocate(Victim, SMALL).expect("room");
    Box::new(move || {
        let middle = stage.reallocate(Victim, block, SMALL, MIDDLE).expect("room");
        let large = stage.reallocate(Victim, middle, MIDDLE, LARGE).expect("room");
        stage.reallocate(Victim, large, LARGE, SMALL).expect("room");
    })
}

/// Blocks that are whole slabs, for there is no room for a run of their class.
fn flush_slabs<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    stage.enter(Neighbour);
    let mut slabs = Vec::new();
    while let Ok(block) = stage.allocate(Neighbour, 2 * SLAB) {
        slabs.push(block);
    }
    slabs.sort_unstable();
    slabs.iter().step_by(2).take(10).for_each(|&block| stage.free(Neighbour, block, 2 * SLAB));
    let blocks = stage.allocate_all(Victim, MIDDLE, 16);
    Box::new(move || free_all(stage, &blocks, MIDDLE))
}

/// Blocks of slabs that are nobody's.
fn flush_shared<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let blocks = stage.allocate_all(Role::Survivor, SMALL, 20);
    Box::new(move || free_all(stage, &blocks, SMALL))
}

/// All blocks of slabs that are nobody's, which go back to the heap.
fn retire_shared<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let blocks = stage.allocate_all(Role::Survivor, SMALL, SMALL_BLOCKS + 1);
    Box::new(move || {
        free_all(stage, &blocks, SMALL);
        stage.leave(Victim);
    })
}

/// The same of runs of eight slabs, by a thread that found no slot.
fn retire_without_slot<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    let blocks = stage.allocate_all(Role::Survivor, MIDDLE, 8 * SLAB / MIDDLE + 1);
    Box::new(move || free_all(stage, &blocks, MIDDLE))
}

/// What nobody has any more of slabs that are nobody's, but is at hand.
fn retire_by_trim<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    for size in [SMALL, MIDDLE] {
        let block = stage.allocate(Role::Survivor, size).expect("room");
        stage.free(Role::Survivor, block, size);
    }
    Box::new(|| {
        stage.other(Victim, || {
            stage.heap.trim(stage.context(Victim));
        });
    })
}

/// By a thread that found no slot.
fn without_slot<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    Box::new(|| {
        for size in [SMALL, MIDDLE, LARGE] {
            let block = stage.allocate(Victim, size).expect("room");
            stage.free(Victim, block, size);
        }
    })
}

/// Emptied slabs, more than are kept.
fn release_slabs<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let blocks = stage.allocate_all(Victim, SLAB / 8, 8 * 5);
    Box::new(move || free_all(stage, &blocks, SLAB / 8))
}

/// Emptied runs of eight slabs.
fn release_runs<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let blocks = stage.allocate_all(Victim, MIDDLE, 50);
    Box::new(move || free_all(stage, &blocks, MIDDLE))
}

/// Gives the slot back, with magazines and slabs of many kinds.
fn exit<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    use_slot(stage, Victim);
    Box::new(|| stage.leave(Victim))
}

/// Looks through a slot of each kind, and gives space back to the system.
fn trim<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    use_slot(stage, Neighbour);
    Box::new(|| {
        stage.other(Victim, || {
            stage.heap.trim(stage.context(Victim));
        });
    })
}

/// Claims a slot for `role` and leaves something of each kind in it.
fn use_slot(stage: &Stage<'_>, role: Role) {
    stage.enter(role);
    for size in [SMALL, MIDDLE, SLAB / 8, LARGE] {
        let blocks = stage.allocate_all(role, size, 12);
        blocks[3..].iter().for_each(|&block| stage.free(role, block, size));
    }
}

/// Finds no room, but for what a neighbour keeps.
fn reclaim<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    use_slot(stage, Neighbour);
    while stage.allocate(Victim, 4 * SLAB).is_ok() {}
    while stage.allocate(Victim, LARGE).is_ok() {}
    use_slot_again(stage);
    Box::new(|| ask(stage, 2 * SLAB))
}

/// Leaves the neighbour emptied slabs of another size.
fn use_slot_again(stage: &Stage<'_>) {
    let Ok(block) = stage.allocate(Neighbour, SMALL * 2) else { return };
    stage.free(Neighbour, block, SMALL * 2);
}

/// Frees a large block when slabs have been free for a while.
fn decay<'s>(stage: &'s Stage<'_>) -> Act<'s> {
    stage.enter(Victim);
    let blocks = stage.allocate_all(Victim, LARGE, 4);
    for &block in &blocks[..3] {
        stage.free(Victim, block, LARGE);
        stage.cast().wait();
    }
    Box::new(move || stage.free(Victim, blocks[3], LARGE))
}
