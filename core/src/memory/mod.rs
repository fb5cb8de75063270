//! Memories as types: address spaces of their own, and objects that live there.
//!
//! A [`Memory`] says how to allocate, free, copy and fill in one address space, by its own
//! [`Address`] type, so that addresses of two memories cannot be mixed up. It takes its
//! shape from the proposal for distributed memory in Ada, whose names are aliases here.
//!
//! | word | what it is |
//! |---|---|
//! | [`Memory`], [`HostAddressable`] | what a memory can do; one that the processor can use |
//! | [`MemBox`], [`MemSlice`] | a value, or any number, that live in a memory and are freed there |
//! | [`MemRef`], [`MemMut`] | parts of such, borrowed |
//! | [`MemRead`], [`MemWrite`] | what all of these do |
//! | [`AnyMemory`], [`Place`] | any memory behind one pointer; some bytes there |
//! | [`transfer`], [`post_transfer`], [`Route`] | bytes from any memory to any other, and which way they went |
//! | [`ArrayMemory`], [`HeapMemory`](crate::allocator::HeapMemory) | a borrowed array; any heap |
//! | [`SimMemory`] | a device that there is not, for tests |

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
