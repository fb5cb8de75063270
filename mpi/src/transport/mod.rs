//! What moves bytes between ranks: one trait, and a file for each way.

mod arenas;
mod block;
#[cfg(feature = "mpi")]
mod epoch;
mod error;
mod faults;
#[cfg(feature = "mpi")]
mod indexed;
mod kind;
mod loop_back;
mod meeting;
mod model;
mod open;
#[cfg(feature = "mpi")]
mod shared;
#[cfg(feature = "mpi")]
mod two_sided;
#[cfg(feature = "mpi")]
mod window;
#[cfg(feature = "mpi")]
mod world;

pub use arenas::{ARENA_ALIGN, Arenas};
pub use error::TransportError;
pub use faults::Faults;
pub use kind::Kind;
pub use loop_back::LoopBack;
pub use model::{AnyTransport, Transport};
pub use open::{open, open_kind};
#[cfg(feature = "mpi")]
pub use {shared::Shared, two_sided::TwoSided, window::Window, world::World};
