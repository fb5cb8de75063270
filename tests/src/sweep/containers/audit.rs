//! What must hold after a death.
//!
//! - Containers with locks can be used as they are; the others when the dead were
//!   recovered, and when they have settled. There is in them what was there before
//!   the operation or after it, or what is stated to be found between.
//! - They can be used as ever.
//! - Recovery leaves the heap in order.
//! - No more blocks are lost than stated, and those come back.
//! - When everything is dropped nothing is left.

use anymem_core::allocator::Allocator;
use anymem_core::container::{Pending, RootType, Trace, TraceRoom};
use anymem_core::thread::Context;

use super::super::audit::Order;
use super::super::cast::Role;
use super::scene::Scene;
use super::world::World;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State(pub(super) Vec<String>);

impl State {
    pub(super) fn of(scene: &Scene<'_>) -> Result<Self, String> {
        let contents = scene.world().contents();
        let mut lines = contents.map_err(|error| format!("not readable: {error}"))?;
        lines.push(format!("other {:?}", scene.other()));
        Ok(Self(lines))
    }

    /// What differs from `other`.
    fn differs(&self, other: &Self) -> String {
        let pairs = self.0.iter().zip(&other.0).filter(|(mine, theirs)| mine != theirs);
        pairs.map(|(mine, theirs)| format!("{mine} (was {theirs}) ")).collect()
    }
}

/// Takes over from the victim; how many blocks were lost.
///
/// # Errors
///
/// What does not hold.
pub(super) fn audit(
    scene: &Scene<'_>,
    order: Order,
    before: &State,
    allowed: &dyn Fn(&State) -> bool,
    most_lost: usize,
) -> Result<usize, String> {
    scene.cast().bury(Role::Victim);
    scene.enter(Role::Survivor);
    if order == Order::UseFirst {
        let used = scene.world().use_locked(scene);
        used.map_err(|error| format!("not usable at first: {error}"))?;
    }
    recover(scene)?;
    scene.world_mut().settle(8);
    let found = State::of(scene)?;
    if !allowed(&found) {
        return Err(format!("found {}", found.differs(before)));
    }
    in_order(scene)?;
    scene.world().check_counts(1)?;
    let lost = reclaim(scene)?;
    scene.world().check_counts(0)?;
    if lost > most_lost {
        return Err(format!("{lost} blocks were lost, {most_lost} at most may be"));
    }
    is_still(scene, &found)?;
    if reclaim(scene)? != 0 {
        return Err("there was more to reclaim".into());
    }
    use_all(scene, &found)?;
    scene.end_world();
    recover(scene)?;
    match scene.stats().live_blocks {
        0 => Ok(lost),
        left => Err(format!("{left} blocks are left when everything was dropped")),
    }
}

fn recover(scene: &Scene<'_>) -> Result<(), String> {
    scene.heap.recover();
    scene.heap.check().map_err(|broken| broken.to_string())?;
    match scene.stats().double_frees {
        0 => Ok(()),
        count => Err(format!("{count} blocks were freed twice")),
    }
}

fn in_order(scene: &Scene<'_>) -> Result<(), String> {
    scene.world().check().map_err(|error| format!("not in order: {error}"))
}

fn is_still(scene: &Scene<'_>, state: &State) -> Result<(), String> {
    let now = State::of(scene)?;
    if now == *state { in_order(scene) } else { Err(format!("changed: {}", now.differs(state))) }
}

fn use_all(scene: &Scene<'_>, state: &State) -> Result<(), String> {
    scene.world_mut().use_all(scene).map_err(|error| format!("not usable: {error}"))?;
    is_still(scene, state)
}

/// Frees what nobody reaches; how many blocks.
fn reclaim(scene: &Scene<'_>) -> Result<usize, String> {
    let mut marks = vec![0; scene.heap.words_to_mark()];
    let mut pending = [Pending::NONE; 256];
    let room = TraceRoom { marks: &mut marks, pending: &mut pending };
    let types = [RootType::of::<World>(), RootType::of::<u64>()];
    // SAFETY: all others are dead, and everything is in the world.
    let done = unsafe { scene.heap.reclaim_unreachable(Context::DEFAULT, &types, &[], room) };
    done.map(|freed| freed.blocks).map_err(|error| format!("not reclaimed: {error}"))
}
