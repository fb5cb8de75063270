//! Memories as types: address spaces of their own, and objects that live there.
//!
//! A [`Memory`] says how to allocate, free, copy and fill in one address space, by its own
//! [`Address`] type, so that addresses of two memories cannot be mixed up. It takes its
//! shape from the proposal for distributed memory in Ada, whose names are aliases here.
//! [`AnyMemory`] is any of them behind one pointer, and a [`Place`] some bytes there.

mod address;
mod any;
mod arena;
mod array;
mod block;
mod error;
mod model;
mod sim;
mod transfer;

pub use address::{Address, HostAddress, RawAddress};
pub use any::{AnyMemory, Place};
pub use array::ArrayMemory;
pub(crate) use block::Block;
pub use error::MemoryError;
pub use model::{HostAddressable, Memory, MemoryId};
pub use sim::{SimAddress, SimCounts, SimMemory};
pub use transfer::{Route, TEMPORARY, post_transfer, transfer};
