//! Regions of other ranks: how their owner shows them, and what stands for them elsewhere.

mod arrivals;
mod exported;
mod handle;
mod layout;
mod mpi_region;
mod pins;
mod remote_table;

pub use exported::Exported;
pub use handle::Handle;
pub use mpi_region::MpiRegion;
