//! What is at which address: the one address space of all devices and of the processor.

use std::collections::{BTreeMap, HashMap};
use std::ptr::NonNull;
use std::sync::Arc;

use crate::mapping::Mapping;
use crate::meter::Charge;
use crate::physical::Physical;
use crate::view::{View, Window};

/// What may be done to bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Nothing.
    None,
    /// They may be read.
    Read,
    /// They may be read and written.
    Write,
}

/// Addresses of devices, with bytes behind them.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) bytes: usize,
    /// Where the bytes can be touched.
    pub(crate) inside: NonNull<u8>,
    /// Whose memory it is; nobody's, if it is the processor's, which all devices can use.
    pub(crate) device: Option<u32>,
    pub(crate) access: Access,
    pub(crate) kind: Kind,
}

// SAFETY: the bytes are those of mappings that stay for as long as the span is known, and only
// commands touch them, as whoever asked for those has promised.
unsafe impl Send for Span {}
// SAFETY: as for `Send`.
unsafe impl Sync for Span {}

/// What a span is, and what ends with it.
#[derive(Debug)]
#[allow(dead_code, reason = "charges and mappings are there to be dropped")]
pub(crate) enum Kind {
    /// A block of a device's arena.
    Block { at: usize, taken: usize, in_order: bool, charge: Charge },
    /// Managed memory.
    Managed { memory: Mapping },
    /// Pinned memory of the processor.
    Pinned { memory: Mapping },
    /// Registered memory of the processor, and the addresses of the device for it if they
    /// are others.
    Registered { host: u64, window: Option<Mapping> },
    /// A block of another process, and how often it was opened.
    Opened { times: usize, from: Origin, outside: Mapping, inside: Mapping },
    /// Physical memory, mapped.
    Mapped { pages: Arc<Physical> },
}

/// Which block of which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) inode: u64,
    pub(crate) offset: u64,
}

/// Reserved addresses.
#[derive(Debug)]
pub(crate) struct Reservation {
    pub(crate) bytes: usize,
    /// It starts before, for the sake of the alignment.
    pub(crate) mapping: Mapping,
}

/// Pages of the processor that devices can use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HostPages {
    pub(crate) bytes: usize,
    /// The address on the device of what was asked for, which may start later.
    pub(crate) device_address: u64,
}

/// The address space.
#[derive(Debug, Default)]
pub(crate) struct Space {
    pub(crate) spans: BTreeMap<u64, Span>,
    pub(crate) reservations: BTreeMap<u64, Reservation>,
    /// By the address of the first page.
    pub(crate) host: BTreeMap<u64, HostPages>,
    pub(crate) opened: HashMap<Origin, u64>,
}

impl Space {
    /// The span that an address is in, and where it starts.
    pub(crate) fn find(&self, address: u64) -> Option<(u64, &Span)> {
        let (&start, span) = self.spans.range(..=address).next_back()?;
        (address - start < span.bytes as u64).then_some((start, span))
    }

    /// Whether any span has one of the addresses.
    pub(crate) fn is_used(&self, address: u64, bytes: usize) -> bool {
        let end = address.saturating_add(bytes as u64);
        let last = self.spans.range(..end).next_back();
        last.is_some_and(|(&start, span)| start + span.bytes as u64 > address)
    }

    /// Whether any page of the processor's is known to the devices.
    pub(crate) fn is_host_known(&self, address: u64, bytes: usize) -> bool {
        let end = address.saturating_add(bytes as u64);
        let last = self.host.range(..end).next_back();
        last.is_some_and(|(&start, pages)| start + pages.bytes as u64 > address)
    }

    /// The device's address of a byte of the processor's that it can use.
    pub(crate) fn device_address_of(&self, host: u64) -> Option<u64> {
        let (&first, pages) = self.host.range(..=host).next_back()?;
        let inside = host - first;
        let page = pages.device_address - pages.device_address % rustix::param::page_size() as u64;
        (inside < pages.bytes as u64).then_some(page + inside)
    }

    /// The reservation that has all of the addresses.
    pub(crate) fn reservation(&self, address: u64, bytes: usize) -> Option<&Reservation> {
        let (&start, found) = self.reservations.range(..=address).next_back()?;
        let end = address.checked_add(bytes as u64)?;
        (end <= start + found.bytes as u64).then_some(found)
    }

    /// Where the bytes at an address of a device can be touched, piece by piece, in order; or
    /// the first address that may not be. Only mappings go on in their neighbours.
    pub(crate) fn pieces(
        &self,
        device: u32,
        address: u64,
        bytes: usize,
        access: Access,
    ) -> Result<Vec<(NonNull<u8>, usize)>, u64> {
        let (mut at, mut left) = (address, bytes);
        let mut pieces = Vec::new();
        while left > 0 {
            let usable = |span: &Span| {
                span.access >= access
                    && span.device.is_none_or(|owner| owner == device)
                    && (at == address || matches!(span.kind, Kind::Mapped { .. }))
            };
            let (start, span) = self.find(at).filter(|(_, it)| usable(it)).ok_or(at)?;
            let skipped = (at - start) as usize;
            let here = left.min(span.bytes - skipped);
            // SAFETY: `find` gave a span that has this address.
            pieces.push((unsafe { span.inside.add(skipped) }, here));
            (at, left) = (at + here as u64, left - here);
        }
        Ok(pieces)
    }

    /// What a device sees of it now.
    pub(crate) fn view(&self, device: u32) -> View {
        let seen =
            self.spans.iter().filter(|(_, it)| it.device.is_none_or(|owner| owner == device));
        View::new(seen.map(|(&start, span)| Window {
            start,
            bytes: span.bytes,
            inside: span.inside,
            access: span.access,
        }))
    }
}
