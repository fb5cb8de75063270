//! Coming from another allocator for programs without a system.
//!
//! All of these hand out blocks by `#[global_allocator]`, so what changes is the static, and
//! whoever gives it memory. Nothing here panics: what was an assertion there is an error of a
//! type of its own, and an exhausted heap answers null.
//!
//! # embedded-alloc
//!
//! | there | here |
//! |---|---|
//! | `LlffHeap::empty()`, `TlsfHeap::empty()` and `init!(HEAP, 1024)` | [`ArenaAlloc::new`]: the memory is inside, and there is nothing to be called first |
//! | `HEAP.init(start, size)` with what the linker script says | [`RegionAlloc`] and [`add`], which may be called again |
//! | always a critical section | the lock is a parameter: `CriticalSection` (feature `critical-section`), [`Spin`], [`Unlocked`] |
//! | `HEAP.used()`, `HEAP.free()` | [`HEAP.stats()`](crate::global::ArenaAlloc::stats), with the peak |
//!
//! ```
//! use anymem_core::global::ArenaAlloc;
//!
//! # type CriticalSection = anymem_core::global::Spin;
//! // With `use anymem_core::global::CriticalSection`, and `#[global_allocator]`:
//! static HEAP: ArenaAlloc<1024, CriticalSection> = ArenaAlloc::new();
//!
//! assert_eq!(HEAP.stats().used, 0);
//! ```
//!
//! A block has no header, but must be freed with its own layout, which `alloc` sees to.
//!
//! # linked_list_allocator
//!
//! | there | here |
//! |---|---|
//! | `LockedHeap::empty()`, and `lock().init(start, size)` | [`RegionAlloc::new`] and [`add`] |
//! | `LockedHeap::new(start, size)` | the same |
//! | `lock().extend(by)` | [`add`] with the memory behind |
//! | `Heap::allocate_first_fit`, `deallocate` by hand | [`TinyHeap`], which is without a lock as well |
//! | time that grows with the number of holes | a bounded number of steps |
//!
//! ```
//! use anymem_core::global::RegionAlloc;
//! use core::ptr::NonNull;
//!
//! // With `#[global_allocator]`:
//! static HEAP: RegionAlloc = RegionAlloc::new();
//!
//! # let (heap_start, heap_size) = (Box::leak(vec![0_u8; 8192].into_boxed_slice()).as_mut_ptr(), 8192);
//! let start = NonNull::new(heap_start).ok_or("the heap is at address 0")?;
//! // SAFETY: nobody else uses it, for ever.
//! unsafe { HEAP.add(NonNull::slice_from_raw_parts(start, heap_size))? };
//! assert!(HEAP.stats().capacity > 7500);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate's own heap is still there behind the trait of this one's allocators:
//! `LinkedListAllocator` (feature `linked-list`).
//!
//! # talc
//!
//! | there | here |
//! |---|---|
//! | `TalcLock<L, Claim>` over an array | [`ArenaAlloc<N, L>`](crate::global::ArenaAlloc) |
//! | `TalcLock<L, Manual>` and `claim` | [`RegionAlloc<L>`](crate::global::RegionAlloc) and [`add`] |
//! | `TalcCell`, for one thread | [`OneThread`] around either, or a [`TinyHeap`] of one's own |
//! | `L: lock_api::RawMutex` | the same trait, so the same locks |
//! | `&TalcCell`, `&TalcLock` as `Allocator` (`nightly` or not) | `&` of each, see `allocator_api` (features `allocator-api2`, `nightly`) |
//! | `extend` | [`add`] with the memory behind |
//! | `truncate`, `resize` downwards | none: a region stays |
//! | a `Source` that gets memory when there is none left | `add` when a call has failed; a heap that grows by itself is `ShmAlloc` of the crate `anymem` |
//! | `counters()` | [`stats()`](crate::global::RegionAlloc::stats) |
//!
//! Talc's `Allocator` is that of `allocator-api2` 0.4; hashbrown's and the one here are of 0.2.
//!
//! ```
//! # #[cfg(all(feature = "allocator-api2", not(feature = "nightly")))] {
//! use anymem_core::global::ArenaAlloc;
//!
//! let heap = ArenaAlloc::<10_000>::new();
//! let numbers = allocator_api2::vec::Vec::<u8, _>::with_capacity_in(234, &heap);
//! assert!(heap.stats().used >= 234);
//! # drop(numbers);
//! # }
//! ```
//!
//! # buddy_system_allocator
//!
//! | there | here |
//! |---|---|
//! | `LockedHeap::<32>::empty()`, and `lock().init(start, size)` | [`RegionAlloc::new`] and [`add`], or [`KernelAlloc`] where processors and interrupt handlers meet |
//! | `add_to_heap(start, end)` | [`add`] |
//! | sizes rounded up to powers of two | to 16 bytes; in [`KernelAlloc`] by an eighth at most |
//! | `LockedHeapWithRescue::new(rescue)` | [`KernelAlloc::add`] when a call has failed: it takes no lock |
//! | `LockedFrameAllocator`, `add_frame(start, end)` | [`FrameAllocator`] and [`release`](crate::frames::FrameAllocator::release) |
//! | `alloc(count)` | [`allocate`](crate::frames::OnCpu::allocate) of [`Request::count`]: as many frames as were asked for, not the next power of two |
//! | `alloc_aligned(layout)` | [`Request::aligned`] |
//! | `alloc_at(start, count)` | [`reserve`](crate::frames::FrameAllocator::reserve) |
//! | `dealloc(start, count)` | [`free`](crate::frames::OnCpu::free) |
//! | the lock around it | none; a [`FrameCache`](crate::frames::FrameCache) for each processor, where single frames come and go often |
//! | a `BTreeSet`, which wants a heap first | notes in memory that the caller has, of a size that is [told](crate::frames::metadata_size) |
//!
//! ```
//! use anymem_core::frames::{Frame, FrameAllocator, Request, metadata_size};
//!
//! let (start, end) = (Frame::new(0x100), Frame::new(0x8000));
//! let mut notes = vec![0; metadata_size(end.number(), 1)];
//! let frames = FrameAllocator::new(start..end, 1, &mut notes)?;
//! frames.release(start..end)?;
//! let three = frames.on(0).allocate(Request::count(3))?;
//! let sixteen = frames.on(0).allocate(Request::order(4))?;
//! frames.on(0).free(three, 3)?;
//! frames.on(0).free(sixteen, 16)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ArenaAlloc`]: crate::global::ArenaAlloc
//! [`ArenaAlloc::new`]: crate::global::ArenaAlloc::new
//! [`FrameAllocator`]: crate::frames::FrameAllocator
//! [`KernelAlloc`]: crate::global::KernelAlloc
//! [`KernelAlloc::add`]: crate::global::KernelAlloc::add
//! [`OneThread`]: crate::global::OneThread
//! [`RegionAlloc`]: crate::global::RegionAlloc
//! [`RegionAlloc::new`]: crate::global::RegionAlloc::new
//! [`Request::aligned`]: crate::frames::Request::aligned
//! [`Request::count`]: crate::frames::Request::count
//! [`Spin`]: crate::global::Spin
//! [`TinyHeap`]: crate::tiny::TinyHeap
//! [`Unlocked`]: crate::global::Unlocked
//! [`add`]: crate::global::RegionAlloc::add
