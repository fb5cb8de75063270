//! Collections of other crates in any heap (features `allocator-api2`, `nightly`): what core
//! has, and this crate's heaps and pools.
//!
//! | to `new_in` goes | blocks come from |
//! |---|---|
//! | a [`SharedHeap`](crate::SharedHeap), or a reference to it | the heap, through the thread's own slot |
//! | `&*manager.allocator(id)?` | whichever [allocator](crate::manager) it is |
//! | `&` of a [`ShmAlloc`](crate::ShmAlloc) | the program's heap |
//! | `&` of a [`ThreadLocalPool`](crate::pool::ThreadLocalPool) or [`ScalablePagePool`](crate::pool::ScalablePagePool) | the pool |
//! | a [`PoolMemory`](crate::memory::PoolMemory), or a reference to it | any other pool |
//!
//! A handle in the place of a reference frees the collection from lifetimes, and costs a
//! count in it and in each clone of it.
//!
//! ```
//! use anymem::{HeapOptions, Size};
//! use hashbrown::HashMap;
//!
//! let heap = HeapOptions::new().create_memfd("cache", Size::mib(8))?;
//! let mut cache = HashMap::new_in(heap.clone());
//! cache.insert("one", 1);
//! // Any thread may take it along, for it has the heap with it.
//! let sum = std::thread::spawn(move || cache.values().sum::<i32>()).join();
//! assert_eq!(sum.ok(), Some(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! These collections keep addresses: what is in them is for the process that made them. For
//! several there is [`container`](crate::container).

mod attached;
mod heaps;
#[cfg(unix)]
mod pools;

#[doc(inline)]
pub use anymem_core::allocator_api::*;
