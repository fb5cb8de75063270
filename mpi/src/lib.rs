//! x
mod job;
mod memory;
mod transport;
pub use job::Job;
pub use memory::*;
pub use transport::*;
