//! Embedding in ten minutes: firmware, kernels, runtimes of one's own.
//!
//! ```toml
//! [dependencies]
//! anymem-core = "0.1"
//! ```
//!
//! The crate is `no_std`, and allocates nothing itself. It needs no unwinder, no thread-local
//! storage, no lock of a system, and no 64-bit atomics.
//!
//! | you have | take |
//! |---|---|
//! | some KiB in an array, one processor | [`ArenaAlloc`] |
//! | some regions, known at run time, one processor or a few | [`RegionAlloc`] |
//! | a kernel: processors, interrupt handlers, a memory map | [`KernelAlloc`], [`FrameAllocator`] |
//! | threads that are no system's: fibers, tasks, user-level threads | [`LentSlots`] and a [`ThreadModel`] |
//! | memory that somebody else has, too: another processor, a host, a program | [`ThreadLocalAllocator`] |
//!
//! # Firmware
//!
//! Two lines, and `alloc` is there:
//!
//! ```standalone_crate
//! extern crate alloc;
//!
//! use alloc::{boxed::Box, vec::Vec};
//! use anymem_core::global::ArenaAlloc;
//!
//! #[global_allocator]
//! static HEAP: ArenaAlloc<{ 64 << 10 }> = ArenaAlloc::new();
//!
//! # fn main() {
//! let boxed = Box::new(42);
//! let mut numbers = Vec::new();
//! numbers.extend(0..100);
//! assert_eq!(numbers[99] + *boxed, 141);
//! assert!(HEAP.stats().used >= 400);
//! # }
//! ```
//!
//! The lock is a type parameter, for it depends on who else allocates: `Spin` where no
//! interrupt handler does, `CriticalSection` where some do, `Unlocked` for one thread alone;
//! see [`global`](crate::global). A call takes a bounded number of steps.
//!
//! Memory that the linker script or a probe at boot tells of is added to a [`RegionAlloc`],
//! at any time:
//!
//! ```
//! use anymem_core::global::RegionAlloc;
//! use core::alloc::{GlobalAlloc, Layout};
//! use core::ptr::NonNull;
//!
//! static HEAP: RegionAlloc = RegionAlloc::new();
//!
//! let external = NonNull::from(Box::leak(vec![0_u8; 32 << 10].into_boxed_slice()));
//! // SAFETY: nobody else uses it, for ever.
//! unsafe { HEAP.add(external)? };
//! // SAFETY: the layout has a size.
//! let block = unsafe { HEAP.alloc(Layout::new::<[u32; 100]>()) };
//! assert!(!block.is_null());
//! # Ok::<(), anymem_core::global::AddError>(())
//! ```
//!
//! # A kernel
//!
//! Its heap takes no lock, so an interrupt handler allocates whatever it interrupts, and
//! preemption may stay on. Tell it how to find out the processor's number; the answer is a
//! hint, and a wrong one costs time only. Page frames are another allocator's business, for
//! they are handed out without being touched:
//!
//! ```
//! use anymem_core::frames::{Frame, FrameAllocator, Request, metadata_size};
//! use anymem_core::global::KernelAlloc;
//! use core::ptr::NonNull;
//!
//! fn cpu() -> usize {
//!     0 // `gs`, `tpidr_el1`, `mhartid`: whatever the processor has.
//! }
//!
//! // With `#[global_allocator]`: up to 8 processors, slabs of 4 KiB.
//! static HEAP: KernelAlloc<8, 12> = KernelAlloc::new(cpu);
//!
//! // The memory map, in frames of 4 KiB.
//! let map = [Frame::within(0x1000..0xa_0000, 12), Frame::within(0x10_0000..0x800_0000, 12)];
//! let span = map[0].start..map[1].end;
//! // The notes of the frames stand wherever there is room, here in an array of `.bss`.
//! let mut notes = vec![0; metadata_size(span.end.number(), 8)];
//! let frames = FrameAllocator::new(span, 8, &mut notes)?;
//! for range in map {
//!     frames.release(range)?;
//! }
//! // What the kernel itself is in.
//! frames.reserve(Frame::covering(0x10_0000..0x40_0000, 12))?;
//!
//! // A heap of 2 MiB to begin with; more whenever it is short.
//! let first = frames.on(cpu()).allocate(Request::order(9))?;
//! let memory = at_address(first.address(12), 2 << 20);
//! // SAFETY: the frames are the heap's from here on.
//! unsafe { HEAP.add(memory)? };
//!
//! // Page tables.
//! let table = frames.on(cpu()).allocate(Request::ONE)?;
//! # assert_eq!(HEAP.check(), Ok(()));
//! # frames.check()?;
//! # frames.on(cpu()).free(table, 1)?;
//! # /// Stands for the kernel's mapping of physical memory.
//! # fn at_address(_: u64, len: usize) -> NonNull<[u8]> {
//! #     NonNull::from(Box::leak(vec![0_u8; len].into_boxed_slice()))
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `tests/kernel` in the repository is such a kernel for x86-64, of a few files, and boots in
//! QEMU.
//!
//! A scheduler that keeps a slot for each processor itself, or for each of its threads, passes
//! a [`Context`] to each call: that costs nothing but its own rule, which is that one at a
//! time uses a context. What is kept with preemption off is a processor's; what is kept in
//! the thread's structure is the thread's, wherever it runs.
//!
//! # A runtime of one's own
//!
//! Fibers, tasks, user-level threads: what they have in common is that they are many, switch
//! where they say so, and go on on another thread of the system. Five functions tell a heap
//! what it has to know:
//!
//! ```
//! use anymem_core::allocator::{Allocator, LentSlots, ThreadLocalAllocator};
//! use anymem_core::backend::ArrayBackend;
//! use anymem_core::offset::AllocatorId;
//! use anymem_core::segment::Config;
//! use anymem_core::thread::{Context, Liveness, Owner, ThreadId, ThreadModel};
//! use core::alloc::Layout;
//! use core::time::Duration;
//!
//! # mod runtime {
//! #     pub fn current_fiber() -> u64 { 7 }
//! #     pub fn current_worker() -> usize { 1 }
//! #     pub fn switch() {}
//! #     pub fn sleep(_: core::time::Duration) {}
//! # }
//! struct Fibers;
//!
//! impl Liveness for Fibers {
//!     /// The heap is this program's alone, and while anybody asks it lives.
//!     fn is_alive(&self, owner: Owner) -> bool {
//!         owner == Owner::BARE
//!     }
//! }
//!
//! impl ThreadModel for Fibers {
//!     fn thread_id(&self) -> ThreadId {
//!         ThreadId(runtime::current_fiber())
//!     }
//!
//!     /// Those who run at the same time are on different workers.
//!     fn whereabouts(&self) -> usize {
//!         runtime::current_worker()
//!     }
//!
//!     fn owner(&self) -> Owner {
//!         Owner::BARE
//!     }
//!
//!     fn yield_now(&self) {
//!         runtime::switch();
//!     }
//!
//!     fn sleep(&self, time: Duration) {
//!         runtime::sleep(time);
//!     }
//! }
//!
//! let mut memory = vec![0_u8; 4 << 20];
//! let heap: ThreadLocalAllocator<_, _> = ThreadLocalAllocator::create(
//!     ArrayBackend::<65536>::new(&mut memory),
//!     Fibers,
//!     &Config::new(AllocatorId::new(0, 1)),
//! )?;
//! // As many places as there are workers.
//! let heap = LentSlots::<_, 4>::new(heap);
//! let block = heap.allocate(Context::DEFAULT, Layout::new::<[u64; 4]>())?;
//! # unsafe { heap.free(Context::DEFAULT, block, Layout::new::<[u64; 4]>())? };
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - A fiber may be switched away in the midst of a call, and go on elsewhere: it has the
//!   place that it was lent until it is back, and others use the next one.
//! - Locks in a heap [wait] and [wake]. By default they take naps; a runtime that can put a
//!   fiber to sleep on a word says how.
//! - A [clock] makes timeouts of locks exact, and lets free memory go back to the system after
//!   a while.
//! - Where other processes have the heap too, `owner` and `is_alive` are the system's: pass
//!   them on to `PthreadModel` of the crate `anymem`. Its `ArgobotsModel` is an example of all
//!   of this, and [`thread`](crate::thread#thread-models) lists the models that there are.
//!
//! # Memory that others have, too
//!
//! A heap knows its own layout and holds no addresses. So a second processor with a system of
//! its own, or a host that maps a device's memory, [attaches] it wherever it has it, with a
//! thread model of its own, and frees what the first one allocated.
//! Values in it are those of `container`, and [roots](crate::segment::Roots) tell where they
//! begin. The two need to see each other's atomic operations, and their owners must differ:
//! give each a process id.
//!
//! # When memory runs out
//!
//! - Nothing here panics or aborts: a global allocator returns null, the others an
//!   [error](crate::allocator::AllocError) that says what was asked for. What happens then
//!   is up to `alloc`'s users: `try_reserve` and its like, or `alloc_error`.
//! - What is at hand for processors that are idle comes back with
//!   [`release`]; [`KernelAlloc`] does so by itself before it fails.
//! - Memory may be added to [`RegionAlloc`] and [`KernelAlloc`] at any time, so a kernel tries
//!   again after it has.
//!
//! # When something is wrong
//!
//! Every heap has `check()`, which walks it and says what is broken. It takes as long as the
//! heap is large: call it from tests, from a debugger, or when the machine is idle.
//!
//! [`ArenaAlloc`]: crate::global::ArenaAlloc
//! [`Context`]: crate::thread::Context
//! [`FrameAllocator`]: crate::frames::FrameAllocator
//! [`KernelAlloc`]: crate::global::KernelAlloc
//! [`LentSlots`]: crate::allocator::LentSlots
//! [`RegionAlloc`]: crate::global::RegionAlloc
//! [`ThreadLocalAllocator`]: crate::allocator::ThreadLocalAllocator
//! [`ThreadModel`]: crate::thread::ThreadModel
//! [`release`]: crate::allocator::LentSlots::release
//! [attaches]: crate::allocator::ThreadLocalAllocator::attach
//! [clock]: crate::thread::ThreadModel::clock
//! [wait]: crate::thread::ThreadModel::wait
//! [wake]: crate::thread::ThreadModel::wake
