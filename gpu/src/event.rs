//! Points in what streams do.

use crate::driver::EventId;
use crate::{Device, GpuError};

/// A point in what a stream does, which other streams can wait for.
///
/// It measures no time. One that was never recorded has happened.
#[derive(Debug)]
pub struct Event {
    device: Device,
    id: EventId,
}

impl Event {
    /// A new one, to be recorded by streams of that device.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub fn new(device: &Device) -> Result<Self, GpuError> {
        let id = device.driver().create_event(device.number())?;
        Ok(Self { device: device.clone(), id })
    }

    /// Its device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What the driver calls it.
    pub fn id(&self) -> EventId {
        self.id
    }

    /// Whether what it was recorded after is done.
    ///
    /// # Errors
    ///
    /// What the driver says, also of what failed before.
    pub fn has_happened(&self) -> Result<bool, GpuError> {
        self.device.driver().has_happened(self.device.number(), self.id)
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: it was created there, and nobody has it any more; drivers keep what streams
        // still wait for. A failure means that the driver has gone, and the event with it.
        let _ = unsafe { self.device.driver().destroy_event(self.device.number(), self.id) };
    }
}
