//! Memory of GPUs under the same traits as any other.

pub mod driver;
mod error;

pub use error::GpuError;
