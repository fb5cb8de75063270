//! Events that are used again and again.

use std::sync::{Mutex, PoisonError};

use crate::{Device, Event, GpuError};

/// Events that nobody has recorded anything with that is still to happen, or soon none.
#[derive(Debug)]
pub(in crate::pool) struct Events {
    device: Device,
    idle: Mutex<Vec<Event>>,
}

impl Events {
    pub(super) fn new(device: Device) -> Self {
        Self { device, idle: Mutex::new(Vec::new()) }
    }

    /// One that can be recorded: what it was recorded for before has happened.
    pub(in crate::pool) fn take(&self) -> Result<Event, GpuError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(event) if event.has_happened()? => Ok(event),
            // Dropping it is fine: drivers keep what streams still wait for.
            _ => Event::new(&self.device),
        }
    }

    /// Takes one back that streams wait for at most.
    pub(in crate::pool) fn give(&self, event: Event) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST {
            idle.push(event);
        }
    }
}

/// How many are kept.
const MOST: usize = 64;
