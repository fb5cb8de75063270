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
mod boxed;
mod elements;
mod error;
mod handle;
mod model;
mod sim;
mod slice;
mod span;
mod temporary;
mod transfer;
mod view;

pub use bytemuck::Pod;

pub use address::{Address, HostAddress, HostAddressOf, RawAddress};
pub use any::{AnyMemory, Place};
pub use array::ArrayMemory;
pub(crate) use block::Block;
pub use boxed::MemBox;
pub use elements::{MemRead, MemWrite};
pub use error::MemoryError;
pub use model::{HostAddressable, Memory, MemoryId};
pub use sim::{SimAddress, SimCounts, SimMemory};
pub use slice::MemSlice;
pub use temporary::TEMPORARY;
pub use transfer::{Route, post_transfer, transfer};
pub use view::{MemMut, MemRef};
