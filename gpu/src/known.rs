//! What is known of addresses that drivers gave out: to this crate, or to others.
//!
//! Blocks of this crate are noted by where they begin. Drivers are asked of any other address,
//! if a device of theirs is open.

use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::sync::{LazyLock, Once, PoisonError, RwLock};

use anymem::properties::{self, Known, Source};
use anymem::provider::MemoryKind;

use crate::Device;
use crate::driver::{About, Process, page_size};
use crate::given::{called, span_at};

/// What pages of blocks are taken to be that no processor has: what drivers cut memory into.
const PAGE: usize = 64 << 10;

/// What a block is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum What {
    /// The driver's own, of some kind.
    Block(MemoryKind),
    /// Pages of this size that are mapped.
    Pages(usize),
    /// Pages of the processor, which devices use, too.
    Registered,
}

/// The blocks that this process got, by their addresses.
struct Blocks {
    /// Whose they are: a forked child has none, and does not touch the lock.
    home: Process,
    known: RwLock<BTreeMap<u64, Known>>,
}

static BLOCKS: LazyLock<Blocks> =
    LazyLock::new(|| Blocks { home: Process::this(), known: RwLock::default() });

/// Has a block known that begins at `at`, until it is [forgotten](forget).
///
/// Others that it overlaps were lost with their driver, and are known no more.
pub(crate) fn note(device: &Device, what: What, at: u64, bytes: usize) {
    let Some(span) = span_at(at, bytes) else { return };
    let kind = what.kind();
    let known = Known {
        own: true,
        id: properties::new_id(),
        name: what.name(),
        span,
        kind,
        device: (kind != MemoryKind::Host).then(|| device.number()),
        page_size: what.page_size(),
    };
    BLOCKS.change(|blocks| {
        let before = blocks.range(..at.saturating_add(bytes as u64)).rev();
        let lost = before.take_while(|(_, it)| end_of(it) > at).map(|(start, _)| *start);
        for start in lost.collect::<Vec<_>>() {
            blocks.remove(&start);
        }
        blocks.insert(at, known);
    });
}

/// Has a block known no more, before somebody else can be given its address; what was known.
pub(crate) fn forget(at: u64) -> Option<Known> {
    BLOCKS.change(|blocks| blocks.remove(&at)).flatten()
}

/// Has a block known again that was forgotten, for it is still there.
pub(crate) fn recall(known: Option<Known>) {
    if let Some(known) = known {
        BLOCKS.change(|blocks| blocks.insert(known.span.addr() as u64, known));
    }
}

/// Has [`Properties`](anymem::Properties) know memory of devices from now on.
pub(crate) fn introduce() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| properties::add_source(&Drivers));
}

impl What {
    const fn kind(self) -> MemoryKind {
        match self {
            Self::Block(kind) => kind,
            Self::Pages(_) => MemoryKind::Device,
            Self::Registered => MemoryKind::Host,
        }
    }

    const fn name(self) -> &'static str {
        if let Self::Registered = self { "registered" } else { called(self.kind()) }
    }

    fn page_size(self) -> usize {
        match (self, self.kind()) {
            (Self::Pages(bytes), _) => bytes,
            (_, MemoryKind::Host) => page_size(),
            _ => PAGE,
        }
    }
}

impl Blocks {
    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<u64, Known>) -> T) -> Option<T> {
        self.home.check().ok()?;
        Some(change(&mut self.known.write().unwrap_or_else(PoisonError::into_inner)))
    }

    fn find(&self, at: u64) -> Option<Known> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (_, found) = known.range(..=at).next_back()?;
        (end_of(found) > at).then_some(*found)
    }
}

/// The end of a block.
fn end_of(known: &Known) -> u64 {
    (known.span.addr() as u64).saturating_add(known.span.len as u64)
}

/// All drivers of which a device is open, as [`Properties`](anymem::Properties) asks them.
struct Drivers;

impl Source for Drivers {
    fn find(&self, at: NonNull<u8>) -> Option<Known> {
        BLOCKS.home.check().ok()?;
        let at = at.addr().get() as u64;
        BLOCKS.find(at).or_else(|| Device::one_of_each_driver().find_map(|it| ask(&it, at)))
    }
}

/// What the driver of a device knows of an address: nothing, if it fails.
fn ask(device: &Device, at: u64) -> Option<Known> {
    let About { kind, device: number, start, bytes, id } = device.driver().about(at).ok()??;
    Some(Known {
        own: false,
        id: id.unwrap_or(start),
        name: device.kind().name(),
        span: span_at(start, bytes)?,
        kind,
        device: number,
        page_size: What::Block(kind).page_size(),
    })
}
