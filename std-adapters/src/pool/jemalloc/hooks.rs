//! What jemalloc takes its extents from, and gives them back to.
//!
//! # Invariant
//!
//! The hooks call the pool's provider and nothing else: neither jemalloc nor any pool.
//! jemalloc holds locks of its own around some of these calls, so
//!
//! - no lock of this crate is held while jemalloc is called that a hook could want: who
//!   calls it holds none but, when a thread or the pool ends, the list of that pool's caches,
//!   which no hook touches;
//! - a provider may lock as it likes, as long as it doesn't allocate from the pool that it
//!   feeds. It may allocate from jemalloc's own heap, which expects that;
//! - no hook unwinds: a provider that panics ends the process.

use core::ffi::{c_uint, c_void};
use core::ptr::{self, NonNull};
use std::sync::Arc;

use tikv_jemalloc_sys::extent_hooks_t;

use crate::pool::feed::Feed;
use crate::provider::{Provider, Span};

/// The hooks of a pool's arenas; stays where it is as long as they exist.
#[repr(C)]
pub(super) struct Hooks {
    /// First, so that its address is that of the whole.
    table: extent_hooks_t,
    feed: Feed,
}

const TABLE: extent_hooks_t = extent_hooks_t {
    alloc: Some(alloc),
    dalloc: Some(dalloc),
    destroy: Some(destroy),
    commit: Some(commit),
    decommit: Some(decommit),
    purge_lazy: Some(purge_lazy),
    // What was purged for good may have to be committed again, which jemalloc does after
    // `decommit` alone.
    purge_forced: None,
    split: Some(split),
    merge: Some(merge),
};

impl Hooks {
    pub(super) fn new(feed: Feed) -> Arc<Self> {
        Arc::new(Self { table: TABLE, feed })
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// What jemalloc is given.
    pub(super) fn as_table(self: &Arc<Self>) -> *mut extent_hooks_t {
        Arc::as_ptr(self).cast_mut().cast()
    }

    /// # Safety
    ///
    /// `table` came from [`as_table`](Self::as_table), and the pool's arenas exist.
    unsafe fn of<'h>(table: *mut extent_hooks_t) -> &'h Self {
        // SAFETY: the table is the first part of a live value (contract).
        unsafe { &*table.cast_const().cast::<Self>() }
    }
}

/// What jemalloc names by an address and a length.
fn span(start: *mut c_void, len: usize) -> Option<Span> {
    NonNull::new(start.cast()).map(|start| Span::new(start, len))
}

// Each of these is only called by jemalloc, with the table that an arena was made with and
// extents of that arena, as `extent_hooks_t` describes; `true` is failure.

unsafe extern "C" fn alloc(
    table: *mut extent_hooks_t,
    wanted: *mut c_void,
    size: usize,
    align: usize,
    zero: *mut bool,
    commit: *mut bool,
    _arena: c_uint,
) -> *mut c_void {
    // Nobody can say where a provider's spans shall be.
    if !wanted.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: jemalloc's call.
    let feed = unsafe { &Hooks::of(table).feed };
    let Some(span) = feed.take(size, align) else { return ptr::null_mut() };
    // SAFETY: jemalloc's numbers; the span is new.
    unsafe {
        let is_zero = feed.memory().zeroed();
        if *zero && !is_zero {
            span.start.write_bytes(0, span.len);
        }
        *zero |= is_zero;
        *commit = true;
    }
    span.start.as_ptr().cast()
}

unsafe extern "C" fn dalloc(
    table: *mut extent_hooks_t,
    start: *mut c_void,
    size: usize,
    _committed: bool,
    _arena: c_uint,
) -> bool {
    // SAFETY: jemalloc's call, which uses the extent no more if this succeeds.
    span(start, size).is_none_or(|span| unsafe { !Hooks::of(table).feed.give_back(span) })
}

unsafe extern "C" fn destroy(
    table: *mut extent_hooks_t,
    start: *mut c_void,
    size: usize,
    _committed: bool,
    _arena: c_uint,
) {
    if let Some(span) = span(start, size) {
        // SAFETY: jemalloc's call, which uses the extent no more.
        unsafe { Hooks::of(table).feed.give_back(span) };
    }
}

/// The part of an extent that jemalloc means.
fn part(start: *mut c_void, offset: usize, len: usize) -> Option<Span> {
    span(start.wrapping_byte_add(offset), len)
}

unsafe extern "C" fn commit(
    table: *mut extent_hooks_t,
    start: *mut c_void,
    _size: usize,
    offset: usize,
    len: usize,
    _arena: c_uint,
) -> bool {
    part(start, offset, len).is_none_or(|pages| {
        // SAFETY: jemalloc's call: the pages are part of an extent.
        unsafe { Hooks::of(table).feed.memory().commit(pages) }.is_err()
    })
}

unsafe extern "C" fn decommit(
    table: *mut extent_hooks_t,
    start: *mut c_void,
    _size: usize,
    offset: usize,
    len: usize,
    _arena: c_uint,
) -> bool {
    part(start, offset, len).is_none_or(|pages| {
        // SAFETY: jemalloc's call: the pages are part of an extent, and not needed.
        unsafe { Hooks::of(table).feed.memory().purge_force(pages) }.is_err()
    })
}

unsafe extern "C" fn purge_lazy(
    table: *mut extent_hooks_t,
    start: *mut c_void,
    _size: usize,
    offset: usize,
    len: usize,
    _arena: c_uint,
) -> bool {
    part(start, offset, len).is_none_or(|pages| {
        // SAFETY: jemalloc's call: the pages are part of an extent, and not needed.
        unsafe { Hooks::of(table).feed.memory().purge_lazy(pages) }.is_err()
    })
}

unsafe extern "C" fn split(
    table: *mut extent_hooks_t,
    start: *mut c_void,
    size: usize,
    low: usize,
    _high: usize,
    _committed: bool,
    _arena: c_uint,
) -> bool {
    span(start, size).is_none_or(|span| {
        // SAFETY: jemalloc's call: the span is an extent, which is one span of the provider
        // as `merge` keeps it so.
        unsafe { Hooks::of(table).feed.memory().split(span, low) }.is_err()
    })
}

unsafe extern "C" fn merge(
    table: *mut extent_hooks_t,
    low: *mut c_void,
    low_len: usize,
    high: *mut c_void,
    high_len: usize,
    _committed: bool,
    _arena: c_uint,
) -> bool {
    let (Some(low), Some(high)) = (span(low, low_len), span(high, high_len)) else { return true };
    // SAFETY: jemalloc's call: both are extents.
    unsafe { Hooks::of(table).feed.memory().merge(low, high) }.is_err()
}
