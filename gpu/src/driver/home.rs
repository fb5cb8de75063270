//! The process that a driver was loaded in.
//!
//! Drivers do not live through a fork: the child has their state, but neither their threads nor
//! their hold on the device. So each call asks first whether it is at home.

use crate::GpuError;

/// The process that a driver was loaded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::driver) struct Home(u32);

impl Home {
    /// This process.
    pub(in crate::driver) fn here() -> Self {
        Self(std::process::id())
    }

    /// That this is still the process.
    ///
    /// # Errors
    ///
    /// [`Forked`](GpuError::Forked).
    pub(in crate::driver) fn check(self) -> Result<(), GpuError> {
        if self == Self::here() { Ok(()) } else { Err(GpuError::Forked) }
    }
}
