//! Chapter 6: pools of any memory.
//!
//! Heaps and containers are for what processes share by name. Where a program wants blocks
//! by address, out of memory of a certain kind, it puts two things together: a
//! [provider](crate::provider), which has the memory, and a [pool](crate::pool), which cuts
//! it up.
//!
//! # Which provider
//!
//! | the memory is to be | take |
//! |---|---|
//! | ordinary; huge pages; locked; on some node | [`OsProvider`](crate::provider::OsProvider), with its [options](crate::provider::OsOptions) |
//! | seen by other processes | the same, [shared or named](crate::provider::Visibility) |
//! | there again tomorrow | [`FileProvider`](crate::provider::FileProvider) |
//! | persistent memory | [`DaxProvider`](crate::provider::DaxProvider), or a file on it |
//! | what the program has already | [`FixedProvider`](crate::provider::FixedProvider) |
//! | taken from a slow provider seldom | [`CoarseProvider`](crate::provider::CoarseProvider) over it |
//! | of a kind of its own | whatever implements [`Provider`](crate::provider::Provider) |
//!
//! # Which pool
//!
//! | memory | [thread-local](crate::pool::ThreadLocalPool), [list](crate::pool::LinkedListPool), [scalable](crate::pool::ScalablePool) | [disjoint](crate::pool::DisjointPool), [proxy](crate::pool::ProxyPool) | jemalloc |
//! |---|---|---|---|
//! | pages of the system, shared or not; files; fixed memory | yes | yes | yes |
//! | huge pages; DAX | yes | yes | no: it splits at 4 KiB |
//! | the C library's heap | yes | yes | over a coarse layer |
//! | what the CPU must not touch | no | yes | no |
//!
//! Take the thread-local pool if the CPU may touch the memory and it is known how much
//! there will be at most: it is the fastest, and notices every wrong free. Take the disjoint
//! pool for everything else. The list is for a few KiB; the proxy pool for large blocks, and
//! to try a provider out; jemalloc and oneTBB where a program was tuned for them.
//!
//! ```
//! use std::alloc::Layout;
//! use std::sync::Arc;
//!
//! use anymem::pool::{self, DisjointOptions, Pool, PoolHandle, Tracked};
//! use anymem::provider::{OsOptions, Visibility};
//!
//! let memory = OsOptions::new().visibility(Visibility::Shared).populate(true).build()?;
//! let pool = DisjointOptions::new().build(Tracked::new(Arc::new(memory))?)?;
//! let pool = PoolHandle::named("frames", pool);
//! let block = pool.allocate(Layout::new::<[u8; 4096]>())?;
//! // Whoever has the address alone finds the pool.
//! assert_eq!(pool::of(block).map(|it| it.id()), Some(pool.id()));
//! // SAFETY: the block is live, and not used any more.
//! unsafe { pool::free(block) }?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it costs
//!
//! | what | cost |
//! |---|---|
//! | a block of a thread-local pool, allocated and freed | as of a heap: some thirty instructions, and the look-up below |
//! | of a disjoint one | about 90 instructions, no atomic read-modify-write |
//! | of a library's, or the proxy | the same caches stand in front |
//! | whose a block is, by address | three loads |
//! | a handle, got and opened again while its file is mapped | no system call |
//! | memory of the map of owners | a five-hundredth of what was ever in use |
//!
//! Threads keep blocks at hand, of each size 256 KiB at most unless told. What is kept is
//! counted as free.
//!
//! # To other processes
//!
//! A block whose provider can share its memory has a handle: 64 bytes, which go through any
//! pipe, socket or container. Who opens it has the same memory at another address.
//!
//! ```
//! use std::alloc::Layout;
//! use std::sync::Arc;
//!
//! use anymem::ipc::{self, Handover, IpcHandle};
//! use anymem::pool::{DisjointOptions, Pool, PoolHandle, Tracked};
//! use anymem::provider::{OsOptions, Visibility};
//!
//! # let memory = OsOptions::new().visibility(Visibility::Shared).build()?;
//! # let pool = DisjointOptions::new().build(Tracked::new(Arc::new(memory))?)?;
//! # let pool = PoolHandle::new(pool);
//! let block = pool.allocate(Layout::new::<[u8; 4096]>())?;
//! // For those who may not debug this process, and for when it has ended.
//! let _handover = Handover::serve()?;
//! let handle = ipc::get_block(block)?.to_bytes();
//!
//! // In the other process:
//! let there = ipc::open(&IpcHandle::from_bytes(&handle)?)?;
//! # // SAFETY: both are mapped, and nobody else uses them.
//! # unsafe { block.write(7) };
//! // SAFETY: the block is open, and who sent it leaves it alone meanwhile.
//! assert_eq!(unsafe { there.as_ptr().read() }, 7);
//! # drop(there);
//! # // SAFETY: the block is live, and not used any more.
//! # unsafe { pool.free(block) }?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! When a handle is valid, and who is trusted, is told in [`ipc`](crate::ipc).
//!
//! # By name
//!
//! What can be set and counted has a name, of each pool and provider, while the program runs
//! and from its environment (`ANYMEM_CONF`):
//!
//! ```
//! use std::sync::Arc;
//!
//! use anymem::control::{Tree, Value};
//! use anymem::pool::{DisjointOptions, PoolHandle, Tracked};
//! use anymem::provider::OsProvider;
//!
//! let tree = Tree::global();
//! tree.set("pool.default.disjoint.params.slab_min_size", "1MiB")?;
//! let memory = Tracked::new(Arc::new(OsProvider::new()?))?;
//! let pool = PoolHandle::named("tables", DisjointOptions::new().build(memory)?);
//! let size = tree.get("pool.by_name.tables.params.slab_min_size")?;
//! assert_eq!(size, Value::Bytes(1 << 20));
//! tree.run("pool.by_name.tables.trim")?;
//! let error = tree.get("pool.by_name.tables.stats.usd").unwrap_err().to_string();
//! assert!(error.contains("stats.used"), "{error}");
//! # drop(pool);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`control`](crate::control) lists what there is.
//!
//! # On nodes
//!
//! A [space](crate::numa::MemSpace) is some of the machine's memories, a
//! [policy](crate::numa::MemPolicy) says which pages go to which of them, and both together
//! make a provider, for any pool:
//!
//! ```
//! use std::sync::Arc;
//!
//! use anymem::numa::{MemPolicy, MemSpace, Topology};
//! use anymem::pool::{DisjointOptions, Tracked};
//! use anymem::provider::OsProvider;
//!
//! let machine = Topology::of_machine()?;
//! let large = MemSpace::highest_capacity(&machine).first(1);
//! let memory = large.provider(MemPolicy::Bind, OsProvider::new()?)?;
//! let pool = DisjointOptions::new().build(Tracked::new(Arc::new(memory))?)?;
//! # drop(pool);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`NodeHeaps`](crate::numa::NodeHeaps) has a heap on each node, and finds the nearest.
