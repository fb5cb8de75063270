//! Blocks of the driver's own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anymem::provider::{MemoryKind, Span};

use crate::given::{give, take};
use crate::{Device, GpuError};

/// What spans are multiples of, and aligned to.
pub(super) const PAGE: usize = 64 << 10;

/// Blocks of the driver's own, one for each span, as aligned as the span has to be.
#[derive(Debug)]
pub(super) struct Plain {
    chunk: usize,
    /// By the address of the span.
    blocks: Mutex<HashMap<usize, Block>>,
}

/// A block of the driver's, and the span in it.
#[derive(Debug, Clone, Copy)]
struct Block {
    base: u64,
    /// Bytes of the block.
    bytes: usize,
    /// Bytes of the span.
    len: usize,
}

impl Plain {
    pub(super) fn new(chunk: usize) -> Self {
        let chunk = chunk.max(PAGE).checked_next_power_of_two().unwrap_or(PAGE);
        Self { chunk, blocks: Mutex::new(HashMap::new()) }
    }

    /// Bytes that are best asked for at a time.
    pub(super) fn chunk(&self) -> usize {
        self.chunk
    }

    /// A span of `len` bytes at a multiple of `align`.
    pub(super) fn allocate(
        &self,
        device: &Device,
        kind: MemoryKind,
        len: usize,
        align: usize,
    ) -> Result<u64, GpuError> {
        let base = take(device, kind, len)?;
        if base.is_multiple_of(align as u64) {
            return Ok(self.note(base, base, len, len));
        }
        // SAFETY: nobody has heard of it.
        unsafe { give(device, kind, base, len) }?;
        let bytes = len + align;
        let base = take(device, kind, bytes)?;
        Ok(self.note(base.next_multiple_of(align as u64), base, bytes, len))
    }

    /// Gives a span back; `None` if it is not one.
    ///
    /// # Safety
    ///
    /// Nobody uses it.
    pub(super) unsafe fn free(
        &self,
        device: &Device,
        kind: MemoryKind,
        span: Span,
    ) -> Option<Result<(), GpuError>> {
        let mut blocks = self.lock();
        let block = blocks.get(&span.addr()).copied().filter(|block| block.len == span.len)?;
        blocks.remove(&span.addr());
        drop(blocks);
        // SAFETY: the span's block, and passed on from the caller.
        let given = unsafe { give(device, kind, block.base, block.bytes) };
        if given.is_err() {
            self.lock().insert(span.addr(), block);
        }
        Some(given)
    }

    fn note(&self, at: u64, base: u64, bytes: usize, len: usize) -> u64 {
        self.lock().insert(at as usize, Block { base, bytes, len });
        at
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<usize, Block>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
