//! A device's memory as anymem's providers give it: spans on demand.

mod mapped;
mod options;
mod plain;
pub(super) mod refusal;

pub use options::DeviceProviderOptions;

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use anymem::control::{Knob, Value};
use anymem::ipc::{IpcHandle, StandIn};
use anymem::provider::{MemoryKind, Meter, Provider, ProviderError, Span, Usage};

use self::mapped::Mapped;
use self::plain::Plain;
use crate::driver::Direction;
use crate::given::span_at;
use crate::{Device, DeviceAddress, GpuError, offers};

/// What addresses of two users should not share: the driver's own blocks are as aligned.
const LINE: usize = 256;

/// Spans of a device's memory, managed memory, or pinned memory of the processor.
///
/// Where the device has virtual memory management, one large range of addresses is reserved,
/// and pages are mapped there a [chunk](DeviceProviderOptions::chunk) at a time: spans lie side
/// by side, and each chunk can be given back by itself. Elsewhere, and when that fails, a span
/// is a block of the driver's own.
///
/// The pools of this module stand on it, and any other pool can: what it gives is as anymem's
/// other providers', but for [`touchable`](Provider::touchable), which the device's own memory
/// is not.
///
/// ```no_run
/// use anymem::provider::Provider;
/// use anymem_gpu::driver::DriverKind;
/// use anymem_gpu::pool::DeviceProviderOptions;
/// use anymem_gpu::Device;
///
/// let device = Device::open(DriverKind::Cuda, 0)?;
/// let provider = DeviceProviderOptions::new().limit(1 << 30).build(&device)?;
/// let span = provider.allocate(100 << 20, 1 << 21)?;
/// // SAFETY: the span is not used afterwards.
/// unsafe { provider.free(span) }?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DeviceProvider {
    name: String,
    device: Device,
    kind: MemoryKind,
    limit: AtomicUsize,
    meter: Meter,
    mapped: Option<Mapped>,
    plain: Plain,
}

impl DeviceProvider {
    /// The device.
    #[must_use]
    pub fn gpu(&self) -> &Device {
        &self.device
    }

    /// The most bytes that it may have of the driver.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Changes that. What is above it stays until it is freed.
    pub fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// A handle of `len` bytes that were handed out, with which [others](crate::ipc) open them
    /// until they are given back, or the handle is put back.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](GpuError::Unsupported) for memory of the processor, and for bytes in more
    /// [chunks](DeviceProviderOptions::chunk) than one handle can name, which is
    /// [256](anymem::ipc::StandIn::DESCRIPTORS); [`NotABlock`](GpuError::NotABlock) for addresses
    /// where nothing is mapped; and as [`ipc::get`](crate::ipc::get).
    pub fn share(&self, at: DeviceAddress, len: usize) -> Result<IpcHandle, GpuError> {
        let cannot = |what| GpuError::Unsupported { device: self.device.number(), what };
        if self.kind != MemoryKind::Device {
            return Err(cannot("handles of memory that is not its own"));
        }
        let mapped = self.mapped.as_ref().filter(|mapped| mapped.has_address(at.number()));
        let Some(mapped) = mapped else { return offers::get(&self.device, at.number(), len) };
        let pages = mapped.pages_of(at.number() as usize, len);
        let pages = pages.ok_or(GpuError::NotABlock { address: at.number() })?;
        if pages.pieces.len() > StandIn::DESCRIPTORS {
            return Err(cannot("handles of blocks in so many chunks: make them of larger ones"));
        }
        offers::get_in(&self.device, &pages, at.number(), len)
    }

    /// Bytes that are best asked for at a time: a chunk.
    pub(super) fn chunk(&self) -> usize {
        self.mapped.as_ref().map_or(self.plain.chunk(), Mapped::chunk)
    }

    /// Whether spans lie in one range of addresses, in which they can be cut and joined.
    pub(super) fn is_mapped(&self, span: Span) -> bool {
        self.mapped.as_ref().is_some_and(|mapped| mapped.has(span))
    }

    /// Takes `bytes`, if that is within the limit.
    fn within_limit<T>(
        &self,
        bytes: usize,
        take: impl FnOnce() -> Result<T, GpuError>,
    ) -> Result<T, ProviderError> {
        // Counted first, so that two threads do not both find room for one.
        self.meter.add(bytes);
        if self.meter.usage().current > self.limit() {
            self.meter.sub(bytes);
            let (limit, held) = (self.limit(), self.usage().current);
            return Err(self.said(GpuError::Limit { asked: bytes, limit, held }, bytes));
        }
        take().map_err(|error| {
            self.meter.sub(bytes);
            self.said(error, bytes)
        })
    }

    fn obtain(&self, len: usize, align: usize) -> Result<u64, GpuError> {
        match self.mapped.as_ref().map(|mapped| mapped.allocate(&self.device, len, align)) {
            Some(Ok(at)) => Ok(at),
            Some(Err(error @ GpuError::OutOfMemory { .. })) => Err(error),
            // Addresses are used up, or the driver cannot do what it said.
            Some(Err(_)) | None => self.plain.allocate(&self.device, self.kind, len, align),
        }
    }

    fn said(&self, error: GpuError, requested: usize) -> ProviderError {
        let is_short = matches!(error, GpuError::OutOfMemory { .. } | GpuError::Limit { .. });
        let why = error.to_string();
        refusal::note(error);
        if is_short {
            return self.no_memory(requested);
        }
        ProviderError::Device { provider: self.name.clone(), why }
    }

    fn no_memory(&self, requested: usize) -> ProviderError {
        ProviderError::NoMemory { provider: self.name.clone(), requested, code: 0 }
    }

    fn foreign(&self, span: Span) -> ProviderError {
        ProviderError::Foreign { provider: self.name.clone(), span }
    }
}

// SAFETY: what the driver gives is nobody else's until it is given back, and the two sources
// keep the alignment that was asked for. Only memory that the processor shares is touchable.
unsafe impl Provider for DeviceProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> MemoryKind {
        self.kind
    }

    fn allocate(&self, size: usize, align: usize) -> Result<Span, ProviderError> {
        let page = self.min_page_size();
        let len = size.checked_next_multiple_of(page).filter(|len| *len > 0);
        let len = len.ok_or(ProviderError::BadSize { requested: size })?;
        if !align.is_power_of_two() || align > page.max(self.chunk()) {
            let (provider, most) = (self.name.clone(), page.max(self.chunk()));
            return Err(ProviderError::BadAlign { provider, align, most });
        }
        let at = self.within_limit(len, || self.obtain(len, align.max(page)))?;
        span_at(at, len).ok_or_else(|| self.no_memory(len))
    }

    unsafe fn free(&self, span: Span) -> Result<(), ProviderError> {
        let freed = match &self.mapped {
            // SAFETY: passed on from the caller.
            Some(mapped) if mapped.has(span) => unsafe { mapped.free(&self.device, span) },
            // SAFETY: passed on from the caller.
            _ => unsafe { self.plain.free(&self.device, self.kind, span) },
        };
        match freed {
            Some(Ok(())) => {
                self.meter.sub(span.len);
                Ok(())
            }
            Some(Err(error)) => Err(self.said(error, 0)),
            None => Err(self.foreign(span)),
        }
    }

    fn min_page_size(&self) -> usize {
        self.mapped.as_ref().map_or(plain::PAGE, Mapped::page)
    }

    fn recommended_page_size(&self, _size: usize) -> usize {
        self.chunk()
    }

    fn device(&self) -> Option<u32> {
        (self.kind != MemoryKind::Host).then(|| self.device.number())
    }

    fn cache_line(&self) -> usize {
        LINE
    }

    fn touchable(&self) -> bool {
        self.kind != MemoryKind::Device
    }

    unsafe fn split(&self, span: Span, at: usize) -> Result<(Span, Span), ProviderError> {
        let mapped = self.mapped.as_ref().filter(|mapped| mapped.has(span));
        let mapped = mapped.ok_or_else(|| self.unsupported("split"))?;
        let bad = ProviderError::BadCut { len: span.len, at, page: self.chunk() };
        if mapped.begins(span.addr().wrapping_add(at)) { span.cut(at).ok_or(bad) } else { Err(bad) }
    }

    unsafe fn merge(&self, low: Span, high: Span) -> Result<Span, ProviderError> {
        let are_mapped = self.is_mapped(low) && self.is_mapped(high);
        if !are_mapped || low.end() != high.addr() {
            return Err(ProviderError::Apart { low, high });
        }
        Ok(Span::new(low.start, low.len + high.len))
    }

    unsafe fn fill(&self, to: NonNull<u8>, byte: u8, len: usize) -> Result<(), ProviderError> {
        let (driver, number) = (self.device.driver(), self.device.number());
        // SAFETY: the caller's bytes are in a span of this device.
        let filled = unsafe { driver.fill(number, None, to.addr().get() as u64, byte, len) };
        filled.map_err(|error| self.said(error, len))
    }

    unsafe fn copy(
        &self,
        from: NonNull<u8>,
        to: NonNull<u8>,
        len: usize,
    ) -> Result<(), ProviderError> {
        let (driver, number) = (self.device.driver(), self.device.number());
        let [from, to] = [from, to].map(|at| at.addr().get() as u64);
        // SAFETY: as in `fill`, both.
        let copied = unsafe { driver.copy(number, None, to, from, len, Direction::Within) };
        copied.map_err(|error| self.said(error, len))
    }

    fn usage(&self) -> Usage {
        self.meter.usage()
    }

    fn reset_peak(&self) {
        self.meter.reset_peak();
    }

    fn knobs(&self) -> Vec<Knob<'_>> {
        vec![
            Knob::of("params.limit", || Value::Bytes(self.limit())).settable(|value| match value {
                Value::Bytes(bytes) => {
                    self.set_limit(*bytes);
                    Ok(())
                }
                other => Err(format!("a number of bytes is needed, not {other}")),
            }),
            Knob::of("params.chunk", || Value::Bytes(self.chunk())),
        ]
    }
}

impl Drop for DeviceProvider {
    fn drop(&mut self) {
        if let Some(mapped) = &mut self.mapped {
            mapped.release(&self.device);
        }
    }
}
