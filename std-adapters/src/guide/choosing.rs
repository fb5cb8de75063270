//! Chapter 2: which container for what.
//!
//! # What is built, and then read
//!
//! These are used like those of the standard library: changed by `&mut`, read by
//! `&`. Build one, bind it to a name, and every process reads it in place.
//!
//! | you want | take |
//! |---|---|
//! | one value | [`ShmBox`](crate::container::ShmBox) |
//! | one value, or none | an `Option` of a box or of an [`ShmArc`](crate::container::ShmArc); in place, a [`ShmSmallVec<T, 1>`](crate::container::ShmSmallVec) |
//! | a list that grows at its end | [`ShmVec`](crate::container::ShmVec); [`open`](crate::container::ShmVec::open) it for many pushes |
//! | text | [`ShmString`](crate::container::ShmString): up to 23 bytes take no block |
//! | both ends | [`ShmDeque`](crate::container::ShmDeque) |
//! | few elements as a rule, in place | [`ShmSmallVec`](crate::container::ShmSmallVec) |
//! | elements that come and go in the midst | [`ShmList`](crate::container::ShmList) |
//! | elements with a name that stays | [`ShmSlotMap`](crate::container::ShmSlotMap) |
//! | keys in order, ranges of them | [`ShmBTreeMap`](crate::container::ShmBTreeMap), [`ShmBTreeSet`](crate::container::ShmBTreeSet) |
//! | an owner in each process | [`ShmArc`](crate::container::ShmArc) |
//!
//! The methods are those of `std`, with two differences. Who makes one says in which
//! heap: `new_in`, `from_iter_in`. And what can fail answers a `Result`: the heap may
//! be full, or not attached.
//!
//! # What all change at once
//!
//! | you want | take |
//! |---|---|
//! | a map that many read and write | [`ShmHashMap`](crate::container::ShmHashMap), [`ShmHashSet`](crate::container::ShmHashSet) |
//! | a number | an atomic of [`core::sync::atomic`] |
//! | anything of the table above | the same within a [`ShmMutex`](crate::container::ShmMutex) or [`ShmRwLock`](crate::container::ShmRwLock) |
//! | to wait until something is so | [`ShmCondvar`](crate::container::ShmCondvar) |
//! | a value that the first to come makes | [`ShmOnce`](crate::container::ShmOnce) |
//! | so many at a time | [`ShmSemaphore`](crate::container::ShmSemaphore) |
//! | all to go on together | [`ShmBarrier`](crate::container::ShmBarrier) |
//! | to hand things on | the queues of the [next chapter](super::passing) |
//!
//! A map under a lock of its own is rarely needed: the hash map locks a part of
//! itself for a change, and plain values and texts are read without a lock.
//!
//! ```
//! use anymem::container::{ShmHashMap, ShmString};
//! use anymem::{HeapOptions, Size};
//!
//! let heap = HeapOptions::new().create_memfd("stock", Size::mib(8))?;
//! let stock = ShmHashMap::<ShmString, u64>::new_in(&heap)?;
//! stock.insert(ShmString::from_str_in("bolts", &heap)?, 120)?;
//! // Changed in place, while nobody else changes the same part.
//! stock.update("bolts", |count| *count -= 20)?;
//! assert_eq!(stock.get("bolts")?, Some(100));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Your own structs
//!
//! Nest containers as you like; `#[derive(ShmSafe)]` does the rest. When a program
//! with another version of a struct opens a heap, it is told which field differs:
//!
//! ```
//! mod before {
//!     #[derive(anymem::container::ShmSafe)]
//!     #[repr(C)]
//!     pub struct Order {
//!         pub price: u32,
//!     }
//! }
//! mod after {
//!     #[derive(anymem::container::ShmSafe)]
//!     #[repr(C)]
//!     pub struct Order {
//!         pub price: u64,
//!     }
//! }
//! use anymem::container::ShmBox;
//! use anymem::{HeapOptions, Size};
//!
//! let heap = HeapOptions::new().create_memfd("orders", Size::mib(4))?;
//! heap.bind_root("first", ShmBox::new_in(before::Order { price: 7 }, &heap)?)?;
//! let error = heap.root::<after::Order>("first").map(|_| ()).unwrap_err();
//! assert!(error.to_string().contains("`price`"), "{error}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Ordinary vectors
//!
//! Where a whole program's heap is shared ([`ShmAlloc`](crate::ShmAlloc)), a `Vec<T>`
//! of plain values is in it already. [`ShmSlice`](crate::container::ShmSlice) is a
//! view of it in 16 bytes, which another process opens in place.
//!
//! # To disk and to other formats
//!
//! A heap in a file needs no saving. For anything else, the feature `serde` writes
//! most containers, and [`in_heap`](anymem_core::container) reads them into a heap.
