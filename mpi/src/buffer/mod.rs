//! Buffers over all ranks.

mod distribution;
mod exchange;
mod made;
mod owners;
mod rank_buffer;

pub use distribution::Distribution;
pub use rank_buffer::{BufferOptions, LocalRegion, RankBuffer};
