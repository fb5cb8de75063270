//! What there is to tell of a heap: the fields of `inspect --json`.
//!
//! Fields are added, but none is taken away or changes its meaning as long as
//! `schema` is the same. Sizes are bytes, and offsets are from the segment's
//! start. `live` is the sum of each class's `live` times its `block_size` and of
//! all large blocks' `bytes`; while others use the heap, about that.

use std::collections::HashSet;
use std::fs;

use anymem::SharedHeap;
use anymem::allocator::{Allocator, ClassStats, SlabUse, Stats};
use anymem::segment::{Geometry, MemberKind, Root, Schema, Shape, Summary, VERSION};
use anymem::thread::Owner;
use serde::Serialize;

use crate::care::{Life, Slot, slots};

/// The version of these fields.
const SCHEMA: u32 = 1;

/// A heap, as it was seen.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The version of these fields: 1.
    schema: u32,
    /// What the heap is called.
    pub(super) name: String,
    /// By what values in it find it.
    pub(super) id: String,
    /// The version of its layout.
    pub(super) format_version: u32,
    /// Length of the segment.
    pub(super) size: usize,
    /// Who made it.
    pub(super) creator: Option<Creator>,
    /// How long ago it was made, where the file system tells.
    pub(super) age_seconds: Option<u64>,
    /// Bytes that could ever be in blocks.
    pub(super) capacity: usize,
    /// Bytes with space behind them, tables included.
    pub(super) committed: usize,
    /// Bytes in blocks that are in use.
    pub(super) live: usize,
    /// The rest of the capacity.
    pub(super) free: usize,
    /// Blocks in use.
    pub(super) live_blocks: usize,
    /// Slabs there are.
    pub(super) slabs: usize,
    /// Slabs in use.
    pub(super) slabs_in_use: usize,
    /// Frees of blocks that were free already.
    pub(super) double_frees: usize,
    /// Blocks that were found written past their end; in hardened heaps.
    pub(super) overflows: usize,
    /// How many heap slots there are.
    pub(super) slot_count: usize,
    /// The slots that somebody has held.
    pub(super) slots: Vec<SlotReport>,
    /// The size classes that have slabs, smallest first.
    pub(super) classes: Vec<ClassReport>,
    /// The large blocks that are in use.
    pub(super) large: Vec<LargeReport>,
    /// The named roots.
    pub(super) roots: Vec<RootReport>,
}

/// A process.
#[derive(Debug, Serialize)]
pub(super) struct Creator {
    /// Its number.
    pub(super) pid: u32,
    /// Whether it lives.
    pub(super) alive: bool,
}

/// A heap slot.
#[derive(Debug, Serialize)]
pub(super) struct SlotReport {
    /// Its number.
    pub(super) number: usize,
    /// `alive`, `dead` (it can be recovered) or `idle`.
    pub(super) state: &'static str,
    /// The process that holds it.
    pub(super) pid: Option<u32>,
    /// Slabs that it owns.
    pub(super) slabs: usize,
    /// Free blocks that it keeps at hand.
    pub(super) cached_blocks: usize,
}

/// A size class.
#[derive(Debug, Serialize)]
pub(super) struct ClassReport {
    /// Its number.
    class: usize,
    /// Bytes of a block.
    pub(super) block_size: usize,
    /// Slabs that are cut into such blocks.
    pub(super) slabs: usize,
    /// Blocks in use.
    pub(super) live: usize,
    /// Blocks that are free, cached ones included.
    pub(super) free: usize,
    /// Which part of the blocks is in use: 0 to 1.
    pub(super) fullness: f64,
}

/// A large block.
#[derive(Debug, Serialize)]
pub(super) struct LargeReport {
    /// Its first slab.
    pub(super) slab: usize,
    /// How many slabs it takes.
    pub(super) slabs: usize,
    /// Where it starts.
    pub(super) offset: usize,
    /// How long it is.
    pub(super) bytes: usize,
}

/// A named root.
#[derive(Debug, Serialize)]
pub(super) struct RootReport {
    /// Its name.
    pub(super) name: String,
    /// The name of its type.
    pub(super) type_name: String,
    /// Where its value is.
    pub(super) offset: usize,
    /// Bytes of its value.
    pub(super) size: usize,
    /// What its type is: `struct`, `enum`, `container`, or `value` if nothing is
    /// known of what it is made of.
    pub(super) kind: &'static str,
    /// What its type is made of.
    pub(super) members: Vec<MemberReport>,
}

/// A field, a variant or a type parameter.
#[derive(Debug, Serialize)]
pub(super) struct MemberReport {
    /// `field`, `variant` or `parameter`.
    pub(super) kind: &'static str,
    /// Its name.
    pub(super) name: String,
    /// The name of its type, without modules; empty for a variant.
    pub(super) type_name: String,
    /// The byte of a field, or the number of a variant.
    pub(super) at: u64,
    /// Bytes of a field.
    pub(super) size: u64,
    /// What its type is made of.
    pub(super) members: Vec<MemberReport>,
}

impl Report {
    /// Looks at `heap`.
    pub(super) fn of(heap: &SharedHeap) -> Self {
        let stats = heap.stats();
        let geometry = heap.allocator().segment().geometry();
        Self {
            schema: SCHEMA,
            name: heap.name().into(),
            id: heap.id().to_string(),
            format_version: VERSION,
            size: heap.size().get(),
            creator: creator(heap),
            age_seconds: age(heap),
            capacity: stats.capacity,
            committed: stats.committed,
            live: stats.live,
            free: stats.capacity.saturating_sub(stats.live),
            live_blocks: stats.live_blocks,
            slabs: geometry.slabs(),
            slabs_in_use: stats.slabs,
            double_frees: stats.double_frees,
            overflows: stats.overflows,
            slot_count: geometry.slots(),
            slots: slots(heap).iter().map(SlotReport::of).collect(),
            classes: classes(&stats),
            large: large(heap),
            roots: roots(heap),
        }
    }
}

fn creator(heap: &SharedHeap) -> Option<Creator> {
    let Owner { pid, start } = Summary::read(heap.allocator().backend()).ok()?.creator;
    Some(Creator { pid, alive: heap.thread_model().is_alive(Owner { pid, start }) })
}

fn age(heap: &SharedHeap) -> Option<u64> {
    let made = fs::metadata(heap.path()?).ok()?.created().ok()?;
    made.elapsed().ok().map(|age| age.as_secs())
}

impl SlotReport {
    fn of(slot: &Slot) -> Self {
        let state = match slot.life {
            Life::Alive => "alive",
            Life::Dead => "dead",
            Life::Idle => "idle",
        };
        Self {
            number: slot.used.number,
            state,
            pid: slot.used.holder.map(|holder| holder.pid),
            slabs: slot.slabs,
            cached_blocks: slot.used.cached,
        }
    }
}

fn classes(stats: &Stats) -> Vec<ClassReport> {
    let report = |(class, &ClassStats { block_size, slabs, live, free })| ClassReport {
        class,
        block_size,
        slabs,
        live,
        free,
        fullness: live as f64 / (live + free).max(1) as f64,
    };
    stats.classes.iter().enumerate().filter(|(_, class)| class.slabs > 0).map(report).collect()
}

/// The large blocks that no slot keeps at hand.
fn large(heap: &SharedHeap) -> Vec<LargeReport> {
    let mut found = Vec::new();
    heap.allocator().for_each_slab(&mut |slab| {
        if slab.used == SlabUse::Large {
            let (offset, bytes) = (slab.at.get(), slab.slabs.saturating_mul(Geometry::<16>::SLAB));
            found.push(LargeReport { slab: slab.number, slabs: slab.slabs, offset, bytes });
        }
    });
    let mut cached = HashSet::new();
    heap.allocator().for_each_cached(&mut |block| {
        if found.binary_search_by_key(&block.at.get(), |large| large.offset).is_ok() {
            cached.insert(block.at.get());
        }
    });
    found.retain(|large| !cached.contains(&large.offset));
    found
}

fn roots(heap: &SharedHeap) -> Vec<RootReport> {
    heap.roots().iter().map(|root| RootReport::of(&root, heap)).collect()
}

impl RootReport {
    fn of(root: &Root, heap: &SharedHeap) -> Self {
        let schema = heap.roots().schema(root.name.as_str()).ok();
        let kind = match schema.as_ref().and_then(Schema::kind) {
            Some(MemberKind::Field) => "struct",
            Some(MemberKind::Variant) => "enum",
            Some(MemberKind::Parameter) => "container",
            None => "value",
        };
        let members = schema.iter().flat_map(|schema| {
            schema.members().map(|member| {
                let inner = schema.members_in(&member);
                MemberReport::of(&member, inner.map(|it| MemberReport::of(&it, vec![])).collect())
            })
        });
        Self {
            name: root.name.as_str().into(),
            type_name: root.type_name.as_str().into(),
            offset: root.at.get(),
            size: root.size,
            kind,
            members: members.collect(),
        }
    }
}

impl MemberReport {
    fn of(shape: &Shape, members: Vec<Self>) -> Self {
        Self {
            kind: shape.kind.name(),
            name: shape.name.as_str().into(),
            type_name: shape.type_name.as_str().into(),
            at: shape.at,
            size: shape.size,
            members,
        }
    }
}
