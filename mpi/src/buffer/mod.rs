//! Buffers over all ranks.

mod bytes;
mod distribution;
mod owners;
mod rank_buffer;

pub use distribution::Distribution;
pub use rank_buffer::{BufferOptions, LocalRegion, RankBuffer};
