//! Collections of other crates in any heap (features `allocator-api2`, `nightly`).
//!
//! [`Allocator`] is the trait by which collections take their memory: that of the crate
//! `allocator-api2`, which its own vectors and boxes, hashbrown and others take. With
//! `nightly` it is the standard library's instead, which `Vec::new_in` takes, and hashbrown
//! with its own feature of that name.
//!
//! | to `new_in` goes | blocks come from |
//! |---|---|
//! | `&heap`, of any allocator here | the heap, without a slot |
//! | a [`LocalHeap`](crate::allocator::LocalHeap) | the heap, through its slot: the fast way |
//! | `&dyn` [`allocator::Allocator`](crate::allocator::Allocator) | whichever heap it is |
//! | `&` of a [global allocator](crate::global) | its memory |
//! | a heap or a handle itself | the same heap, which lives as long as the collection |
//!
//! Heaps of one's own join in by [`impl_allocator_api!`](crate::impl_allocator_api).
//!
//! ```
//! use allocator_api2::vec::Vec;
//! use anymem_core::allocator::{Allocator, ThreadLocalAllocator};
//! use anymem_core::backend::ArrayBackend;
//! use anymem_core::offset::AllocatorId;
//! use anymem_core::segment::Config;
//! use anymem_core::thread::Bare;
//! use hashbrown::HashMap;
//!
//! let mut memory = vec![0_u8; 4 << 20];
//! let backend = ArrayBackend::<65536>::new(&mut memory);
//! let config = Config::new(AllocatorId::new(0, 5));
//! let heap: ThreadLocalAllocator<_> = ThreadLocalAllocator::create(backend, Bare, &config)?;
//! {
//!     let mut squares = HashMap::new_in(&heap);
//!     squares.extend((0_u32..1000).map(|n| (n, n * n)));
//!     assert_eq!(squares[&30], 900);
//!
//!     let mut words = Vec::new_in(&heap);
//!     words.try_reserve(2)?;
//!     words.extend(["one", "two"]);
//!     assert!(heap.stats().live_blocks >= 2);
//! }
//! assert_eq!(heap.stats().live_blocks, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which containers to take
//!
//! These collections keep addresses, so what is in them is for the process that made them;
//! for several processes, and for what survives them, there are the crate's own containers
//! (feature `containers`).
//!
//! # Failures
//!
//! An exhausted heap is an error of `try_reserve` and its like, after which the collection
//! is what it was. `push` and other calls without an error to answer do what they do when
//! the program's own memory ends. As with every allocator of sized blocks, a smaller block
//! may be another block: `shrink_to_fit` can want memory, too.
//!
//! # Promises
//!
//! - A block grows and shrinks where it stands when its heap can do that.
//! - Blocks of no bytes take no memory.

mod blocks;
mod globals;
mod heaps;
mod implement;
pub mod steps;

#[cfg(not(feature = "nightly"))]
pub use allocator_api2::alloc::{AllocError, Allocator};
pub use blocks::{Blocks, Global};
#[cfg(feature = "nightly")]
pub use core::alloc::{AllocError, Allocator};
