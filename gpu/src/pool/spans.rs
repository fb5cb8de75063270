//! What one stream's pool takes its slabs from.

use core::ptr::NonNull;
use std::sync::Arc;

use anymem::provider::{MemoryKind, Meter, Provider, ProviderError, Span, Usage};

use super::bank::{Bank, PAGE, StreamIndex};
use crate::driver::Direction;
use crate::{GpuError, Stream};

/// The bank, as one stream has it: what is taken here is for what the stream does next, and
/// what comes back may be in use by what it was asked for before.
#[derive(Debug)]
pub(super) struct StreamSpans {
    bank: Arc<Bank>,
    stream: Stream,
    index: StreamIndex,
    meter: Meter,
}

impl StreamSpans {
    /// The memory of a stream that the bank admits.
    pub(super) fn new(bank: Arc<Bank>, stream: Stream) -> Self {
        let index = bank.admit(stream.clone());
        Self { bank, stream, index, meter: Meter::new() }
    }

    pub(super) fn index(&self) -> StreamIndex {
        self.index
    }

    fn said(&self, result: Result<(), GpuError>) -> Result<(), ProviderError> {
        let provider = || self.name().to_owned();
        let failed = |error: GpuError| ProviderError::Device {
            provider: provider(),
            why: error.to_string(),
        };
        result.map_err(failed)
    }
}

// SAFETY: spans are parts of the bank's regions, and no two overlap. What the processor may do
// with them is for the bank's provider to say.
unsafe impl Provider for StreamSpans {
    fn name(&self) -> &str {
        self.bank.provider().name()
    }

    fn kind(&self) -> MemoryKind {
        self.bank.provider().kind()
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let len = size.checked_next_multiple_of(PAGE).filter(|len| *len > 0);
        let len = len.ok_or(ProviderError::BadSize { requested: size })?;
        let span = self.bank.take(self.index, len, align.max(PAGE))?;
        self.meter.add(span.len);
        Ok(span)
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        self.bank.give(self.index, span)?;
        self.meter.sub(span.len);
        Ok(())
    }

    fn min_page_size(&self) -> usize {
        PAGE
    }

    fn device(&self) -> Option<u32> {
        self.bank.provider().device()
    }

    fn cache_line(&self) -> usize {
        self.bank.provider().cache_line()
    }

    fn touchable(&self) -> bool {
        self.bank.provider().touchable()
    }

    /// In the order of the stream, for what the processor did would come too soon.
    unsafe fn fill(&self, to: NonNull<u8>, byte: u8, len: usize) -> Result<(), ProviderError> {
        let (device, stream) = (self.stream.device(), Some(self.stream.id()));
        let to = to.addr().get() as u64;
        // SAFETY: the caller's bytes, which are the stream's from now on.
        self.said(unsafe { device.driver().fill(device.number(), stream, to, byte, len) })
    }

    unsafe fn copy(
        &self,
        from: NonNull<u8>,
        to: NonNull<u8>,
        len: usize,
    ) -> Result<(), ProviderError> {
        let (device, stream) = (self.stream.device(), Some(self.stream.id()));
        let [from, to] = [from, to].map(|at| at.addr().get() as u64);
        let (driver, number) = (device.driver(), device.number());
        // SAFETY: as in `fill`, both.
        self.said(unsafe { driver.copy(number, stream, to, from, len, Direction::Within) })
    }

    fn usage(&self) -> Usage {
        self.meter.usage()
    }

    fn reset_peak(&self) {
        self.meter.reset_peak();
    }
}
