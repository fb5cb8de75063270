//! Noting calls while they are made.

use core::alloc::Layout;
use core::ptr::NonNull;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Call, Trace};
use crate::pool::bank::StreamIndex;

/// The calls of a pool since its trace began.
#[derive(Debug, Default)]
pub(in crate::pool) struct Recorder(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    /// The numbers of live blocks, by address.
    live: HashMap<usize, u64>,
    last: u64,
}

impl Recorder {
    pub(in crate::pool) fn clear(&self) {
        *self.lock() = State::default();
    }

    pub(in crate::pool) fn take(&self) -> Trace {
        Trace { calls: core::mem::take(&mut *self.lock()).calls }
    }

    pub(in crate::pool) fn allocated(&self, by: StreamIndex, at: NonNull<u8>, layout: Layout) {
        let mut state = self.lock();
        state.last += 1;
        let block = state.last;
        state.live.insert(at.addr().get(), block);
        let (bytes, align) = (layout.size(), layout.align());
        state.calls.push(Call::Allocate { stream: by.0, block, bytes, align });
    }

    /// Of a block that was allocated before the trace began there is nothing to note.
    ///
    /// It comes before the block is freed, for afterwards its address may be another's.
    pub(in crate::pool) fn freed(&self, by: StreamIndex, at: NonNull<u8>) {
        let mut state = self.lock();
        if let Some(block) = state.live.remove(&at.addr().get()) {
            state.calls.push(Call::Free { stream: by.0, block });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
