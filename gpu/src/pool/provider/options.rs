//! What a provider of a device's memory is made with.

use core::sync::atomic::AtomicUsize;

use anymem::provider::{MemoryKind, Meter};

use super::DeviceProvider;
use super::mapped::Mapped;
use super::plain::Plain;
use crate::given::called;
use crate::{Device, GpuError};

/// What a [`DeviceProvider`] is made with.
///
/// ```
/// use anymem_gpu::pool::DeviceProviderOptions;
/// let options = DeviceProviderOptions::new().chunk(64 << 20).limit(8 << 30);
/// # let _ = options;
/// ```
#[derive(Debug, Clone)]
pub struct DeviceProviderOptions {
    name: Option<String>,
    kind: MemoryKind,
    chunk: usize,
    addresses: Option<usize>,
    limit: usize,
    is_mapped: bool,
}

impl DeviceProviderOptions {
    /// The device's own memory in chunks of 32 MiB, as much as there is, by virtual memory
    /// management where there is such.
    #[must_use]
    pub fn new() -> Self {
        Self {
            name: None,
            kind: MemoryKind::Device,
            chunk: 32 << 20,
            addresses: None,
            limit: usize::MAX,
            is_mapped: true,
        }
    }

    /// What the provider is called; `device`, `managed` or `pinned` unless told.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Managed memory, which has one address for the processor and the device.
    #[must_use]
    pub fn managed(self) -> Self {
        Self { kind: MemoryKind::Managed, ..self }
    }

    /// Memory of the processor that stays where it is, and that the device can use.
    #[must_use]
    pub fn pinned(self) -> Self {
        Self { kind: MemoryKind::Host, ..self }
    }

    /// Bytes that are mapped or asked for at a time; 32 MiB unless told. Rounded up to a power
    /// of two, and to what the device maps at least.
    #[must_use]
    pub fn chunk(self, bytes: usize) -> Self {
        Self { chunk: bytes, ..self }
    }

    /// Bytes of addresses to reserve: twice the device's memory unless told, so that large
    /// spans find room between small ones.
    #[must_use]
    pub fn addresses(self, bytes: usize) -> Self {
        Self { addresses: Some(bytes), ..self }
    }

    /// The most bytes that may be had of the driver; no limit unless told.
    #[must_use]
    pub fn limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    /// Plain blocks of the driver's, also where there is virtual memory management: those can
    /// be opened in other processes by the older kind of handles.
    #[must_use]
    pub fn plain(self) -> Self {
        Self { is_mapped: false, ..self }
    }

    /// Makes the provider. Nothing but addresses is taken of the device yet.
    ///
    /// # Errors
    ///
    /// What the driver says when it is asked for the device's attributes.
    pub fn build(self, device: &Device) -> Result<DeviceProvider, GpuError> {
        let attributes = device.attributes()?;
        if self.kind == MemoryKind::Managed && !attributes.managed {
            let device = device.number();
            return Err(GpuError::Unsupported { device, what: "managed memory" });
        }
        let granularity = attributes.map_granularity.filter(|_| self.is_mapped);
        let granularity = granularity.filter(|_| self.kind == MemoryKind::Device);
        let addresses = self.addresses.unwrap_or(attributes.total.saturating_mul(2));
        // Without addresses there are still the driver's own blocks.
        let mapped = granularity.and_then(|page| Mapped::new(device, page, self.chunk, addresses));
        Ok(DeviceProvider {
            name: self.name.unwrap_or_else(|| called(self.kind).to_owned()),
            device: device.clone(),
            kind: self.kind,
            limit: AtomicUsize::new(self.limit),
            meter: Meter::new(),
            mapped,
            plain: Plain::new(self.chunk),
        })
    }
}

impl Default for DeviceProviderOptions {
    fn default() -> Self {
        Self::new()
    }
}
