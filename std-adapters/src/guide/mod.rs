//! A guide, in nine chapters.
//!
//! 1. [The model](model): what a heap is, what may stand in it, who may change what.
//! 2. [Choosing a container](choosing): which one for what, and what may be done to it
//!    by several processes at a time.
//! 3. [Passing things on](passing): queues, rings and topics.
//! 4. [Deaths](death): what happens when a process dies, stops, or runs out of space.
//! 5. [Costs](costs): what things cost, and how to find out.
//! 6. [Pools](pools): blocks by address out of any memory, on nodes, in other processes.
//! 7. [Memories](memories): address spaces as types, and objects that live in them.
//! 8. [Regions](regions): pages that know what they hold, and buffers of several owners.
//! 9. [Embedding](embedding): firmware, kernels, and threads that are not the system's.
//!
//! Appendices for those who come from the [Unified Memory Framework](umf), from
//! [distributed memory in Ada](ada), and from the specification of [memory
//! regions](scalix).
//!
//! Programs of a few dozen lines each, with several processes, are in `examples`: a
//! cache, a work queue, an order book, a log, a graph, frames of a camera, blocks that are
//! handed to another process, memory of a node.

pub mod ada;
pub mod choosing;
pub mod costs;
pub mod death;
pub mod memories;
pub mod model;
pub mod passing;
pub mod pools;
pub mod regions;
pub mod scalix;
pub mod umf;

pub use anymem_core::guide::embedding;
