//! Arenas as memories: this rank's, and those of the others.

mod address;
mod arena;
mod remote;

pub use address::{ArenaAddress, RemoteAddress};
pub use arena::ArenaMemory;
pub use remote::RemoteMemory;
