//! The memory that the streams of a pool have together.
//!
//! Each free range is *of* a stream: the one whose work may use it still, or *clean*, if
//! nobody's can. A stream takes, in this order,
//!
//! 1. what is its own: what it did before is done before what it does next;
//! 2. what is clean;
//! 3. all that some other stream has free: one event is recorded there, this stream waits for
//!    it, and from then on all of it is its own;
//! 4. new memory of the provider.
//!
//! Only the last two call the driver. Ranges become clean by waiting for their streams on the
//! processor, which is done when memory is short or is to be given back.
//!
//! # Locks
//!
//! One, under which nothing is called but the driver's record and wait, which do not block.

mod events;
mod state;

pub(super) use events::Events;
pub(super) use state::Part;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anymem::provider::{Provider, ProviderError, Span};

use self::state::State;
use super::provider::DeviceProvider;
use super::watch::{Flag, Watch};
use crate::given::span_at;
use crate::{GpuError, Stream};

/// What all that is handed out is a multiple of, and aligned to.
pub(super) const PAGE: usize = 64 << 10;

/// The number of a stream in its pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct StreamIndex(pub(super) usize);

/// The memory that the streams of a pool have together.
#[derive(Debug)]
pub(super) struct Bank {
    provider: Arc<DeviceProvider>,
    watch: Arc<Watch>,
    state: Mutex<State>,
    events: Events,
}

impl Bank {
    pub(super) fn new(provider: Arc<DeviceProvider>, watch: Arc<Watch>) -> Self {
        let events = Events::new(provider.gpu().clone());
        Self { provider, watch, state: Mutex::new(State::new()), events }
    }

    pub(super) fn provider(&self) -> &Arc<DeviceProvider> {
        &self.provider
    }

    pub(super) fn events(&self) -> &Events {
        &self.events
    }

    /// Lets a stream have memory of its own.
    pub(super) fn admit(&self, stream: Stream) -> StreamIndex {
        self.lock().admit(stream)
    }

    /// Takes a span, whose `len` is a multiple of the page, for what a stream does next.
    pub(super) fn take(
        &self,
        by: StreamIndex,
        len: usize,
        align: usize,
    ) -> Result<Span, ProviderError> {
        if self.watch.is_any(&[Flag::Lent]) {
            self.watch.set(Flag::Settle, true);
        }
        if let Some(at) = self.take_free(by, len, align) {
            return Ok(at);
        }
        let region = self.grow(len, align)?;
        let mut state = self.lock();
        self.add(&mut state, region);
        // It may have become one with what was free beside it.
        let at = state.take(by, len, align);
        drop(state);
        at.and_then(|at| span_at(at as u64, len)).ok_or_else(|| self.no_memory(len))
    }

    fn take_free(&self, by: StreamIndex, len: usize, align: usize) -> Option<Span> {
        let mut state = self.lock();
        let found = state.take(by, len, align).or_else(|| {
            let victim = state.victim(by, len, align)?;
            self.steal(&mut state, victim, by).ok()?;
            state.take(by, len, align)
        });
        span_at(found? as u64, len)
    }

    /// Lets all that one stream has free be another's: an event, and a wait.
    fn steal(&self, state: &mut State, from: StreamIndex, to: StreamIndex) -> Result<(), GpuError> {
        let event = self.events.take()?;
        let ordered = match (state.stream(from), state.stream(to)) {
            (Some(from), Some(to)) => from.record_again(&event).and_then(|()| to.wait(&event)),
            _ => Ok(()),
        };
        self.events.give(event);
        ordered?;
        state.hand_over(from, to);
        Ok(())
    }

    /// A new region: a chunk if there is room for one, or as much as is needed.
    fn grow(&self, len: usize, align: usize) -> Result<Span, ProviderError> {
        let wanted = len.checked_next_multiple_of(self.provider.chunk());
        let wanted = wanted.ok_or(ProviderError::BadSize { requested: len })?;
        let align = align.max(PAGE);
        match self.provider.allocate(wanted, align) {
            Err(ProviderError::NoMemory { .. }) if wanted > len => {
                self.provider.allocate(len, align)
            }
            result => result,
        }
    }

    /// Adds a region, cut into what can be given back by itself.
    fn add(&self, state: &mut State, region: Span) {
        let are_joined = self.provider.is_mapped(region);
        let mut rest = region;
        while are_joined && rest.len > self.provider.chunk() {
            // SAFETY: the span is the provider's, and nobody's but the bank's.
            let Ok((low, high)) = (unsafe { self.provider.split(rest, self.provider.chunk()) })
            else {
                break;
            };
            state.add(low, are_joined);
            rest = high;
        }
        state.add(rest, are_joined);
    }

    /// Takes a span back that a stream may still use for what it was asked before.
    pub(super) fn give(&self, by: StreamIndex, span: Span) -> Result<(), ProviderError> {
        let given = self.lock().give(by, span);
        let name = || self.provider.name().to_owned();
        if given { Ok(()) } else { Err(ProviderError::Foreign { provider: name(), span }) }
    }

    /// Lets a stream go that has taken nothing; whether that is so and nothing is free that it
    /// may use.
    pub(super) fn dismiss(&self, stream: StreamIndex) {
        self.lock().dismiss(stream);
    }

    /// Waits for the streams that have something free, which is clean then.
    pub(super) fn clean(&self) -> Result<(), GpuError> {
        let busy = self.lock().busy();
        for (index, stream) in busy {
            // What is freed meanwhile is of what the stream is asked for meanwhile.
            let ranges = self.lock().take_out(index);
            let done = stream.synchronize();
            let owner = if done.is_ok() { None } else { Some(index) };
            self.lock().put_all(owner, ranges);
            done?;
        }
        Ok(())
    }

    /// Gives regions back of which all is clean, as long as `keep` bytes of clean ones are left;
    /// how many bytes went.
    pub(super) fn trim(&self, keep: usize) -> usize {
        let mut gone = 0;
        let idle = self.lock().take_idle(keep);
        for region in idle {
            // SAFETY: the region came from there, and was taken out, all of it clean.
            match unsafe { self.provider.free(region.span) } {
                Ok(()) => gone += region.span.len,
                Err(_) => self.lock().add(region.span, region.is_joined),
            }
        }
        gone
    }

    /// What a stream has free.
    pub(super) fn free_of(&self, stream: StreamIndex) -> usize {
        self.lock().free_of(stream)
    }

    /// All memory, by address, and whose it is.
    pub(super) fn parts(&self) -> BTreeMap<usize, Part> {
        self.lock().parts()
    }

    /// How many steals there were, and how many regions were added.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.steals, state.grown)
    }

    fn no_memory(&self, requested: usize) -> ProviderError {
        let provider = self.provider.name().to_owned();
        ProviderError::NoMemory { provider, requested, code: 0 }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Bank {
    fn drop(&mut self) {
        // Where a stream cannot be waited for, its memory stays, for it may be in use.
        let _ = self.clean();
        self.trim(0);
    }
}
