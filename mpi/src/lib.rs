//! x
mod buffer;
mod job;
mod memory;
mod region;
mod transport;
pub use buffer::*;
pub use job::Job;
pub use memory::*;
pub use region::*;
pub use transport::*;
