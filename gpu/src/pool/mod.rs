//! Pools.
mod provider;
pub use provider::{DeviceProvider, DeviceProviderOptions};
