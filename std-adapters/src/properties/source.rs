//! What others know of addresses that no pool has.

use core::ptr::NonNull;
use std::sync::{PoisonError, RwLock};

use crate::pool::next_region_id;
use crate::provider::{MemoryKind, Span};

/// Who knows memory that no pool has: what a device's driver gave out, say.
pub trait Source: Send + Sync {
    /// What it knows of an address, whatever that is; nothing in a forked child, unless it
    /// lives through that.
    ///
    /// It must not ask for [`Properties`](super::Properties), nor add a source.
    fn find(&self, at: NonNull<u8>) -> Option<Known>;
}

/// What a [`Source`] knows of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Whether this program got it by anymem.
    pub own: bool,
    /// The block's number: from [`new_id`] if it is `own`, else the one that whoever gave it
    /// out has for it, of 62 bits.
    pub id: u64,
    /// What the memory is called, as providers have names.
    pub name: &'static str,
    /// The block that the address is in.
    pub span: Span,
    /// What kind of memory it is.
    pub kind: MemoryKind,
    /// The number of the device that it is on, if it is on one.
    pub device: Option<u32>,
    /// How large its pages are.
    pub page_size: usize,
}

static SOURCES: RwLock<Vec<&'static dyn Source>> = RwLock::new(Vec::new());

/// Has [`Properties::of`](super::Properties::of) ask one more source, after all others, of
/// addresses that neither pools nor other processes have.
pub fn add_source(source: &'static dyn Source) {
    SOURCES.write().unwrap_or_else(PoisonError::into_inner).push(source);
}

/// A number for a block that no other block, nor span of a pool, ever has in this process.
#[must_use]
pub fn new_id() -> u64 {
    next_region_id()
}

pub(super) fn find(at: NonNull<u8>) -> Option<Known> {
    let sources = SOURCES.read().unwrap_or_else(PoisonError::into_inner);
    sources.iter().find_map(|source| source.find(at))
}
