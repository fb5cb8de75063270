//! What a device does in order.

use std::any::Any;
use std::sync::Arc;

use crate::driver::StreamId;
use crate::{Device, Event, GpuError};

/// A stream of a device: it does what it is asked for one after the other.
///
/// Clones are the same stream, which is given back with the last of them. What other streams
/// do is ordered by [events](Event) alone.
///
/// # Examples
///
/// ```
/// use anymem_gpu::{Device, Stream};
///
/// for device in Device::all() {
///     let (first, second) = (Stream::new(&device)?, Stream::new(&device)?);
///     let event = first.record()?;
///     second.wait(&event)?; // what `second` is asked for next comes after that
///     second.synchronize()?;
///     assert!(event.has_happened()?);
/// }
/// # Ok::<(), anymem_gpu::GpuError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Stream(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    device: Device,
    id: StreamId,
    owned: bool,
    /// What a borrowed one is there as long as.
    _owner: Option<Arc<dyn Any + Send + Sync>>,
}

impl Stream {
    /// A new one.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn new(device: &Device) -> Result<Self, GpuError> {
        let id = device.driver().create_stream(device.number())?;
        Ok(Self::from_id(device, id, true))
    }

    /// The default one, which every device has.
    pub fn default_of(device: &Device) -> Self {
        Self::from_id(device, StreamId::default(), false)
    }

    /// A stream that somebody else made and gives back.
    ///
    /// # Safety
    ///
    /// It is a stream of that device, in the context that all of a process share (CUDA's
    /// primary one, as that of cudarc and the runtime library), is not being captured, and is
    /// there until the last clone of this is dropped.
    pub unsafe fn borrow(device: &Device, id: StreamId) -> Self {
        Self::from_id(device, id, false)
    }

    /// As [`borrow`](Self::borrow), a stream that is there as long as `owner` is, which is kept
    /// until the last clone of this is dropped.
    ///
    /// # Safety
    ///
    /// As for [`borrow`](Self::borrow), while `owner` is there.
    pub unsafe fn borrow_from(
        device: &Device,
        id: StreamId,
        owner: Arc<dyn Any + Send + Sync>,
    ) -> Self {
        let (device, owned) = (device.clone(), false);
        Self(Arc::new(Inner { device, id, owned, _owner: Some(owner) }))
    }

    fn from_id(device: &Device, id: StreamId, owned: bool) -> Self {
        Self(Arc::new(Inner { device: device.clone(), id, owned, _owner: None }))
    }

    /// Its device.
    pub fn device(&self) -> &Device {
        &self.0.device
    }

    /// What the driver calls it.
    pub fn id(&self) -> StreamId {
        self.0.id
    }

    /// Waits until all that it was asked for is done.
    ///
    /// # Errors
    ///
    /// What the driver says, also of what failed before.
    pub fn synchronize(&self) -> Result<(), GpuError> {
        self.device().driver().synchronize(self.device().number(), self.id())
    }

    /// A new event, which happens after what the stream has been asked for until now.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn record(&self) -> Result<Event, GpuError> {
        let event = Event::new(self.device())?;
        self.record_again(&event)?;
        Ok(event)
    }

    /// Lets an event of this device happen after what the stream has been asked for until now,
    /// instead of what it was recorded for before.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn record_again(&self, event: &Event) -> Result<(), GpuError> {
        self.device().driver().record(self.device().number(), event.id(), self.id())
    }

    /// Lets what the stream is asked for next wait for an event, which may be another device's.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn wait(&self, event: &Event) -> Result<(), GpuError> {
        self.device().driver().wait(self.device().number(), self.id(), event.id())
    }
}

impl PartialEq for Stream {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id() && self.device() == other.device()
    }
}

impl Eq for Stream {}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.owned {
            // SAFETY: it was created there, and nobody has it any more. A failure means that
            // the driver has gone, and the stream with it.
            let _ = unsafe { self.device.driver().destroy_stream(self.device.number(), self.id) };
        }
    }
}
