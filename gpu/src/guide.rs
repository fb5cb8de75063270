//! A guide through the memory of devices.
//!
//! # Which memory
//!
//! | the memory is | the processor uses it | take |
//! |---|---|---|
//! | the device's own, in few large blocks | by copies | [`DeviceMemory`](crate::DeviceMemory) |
//! | the device's own, in many blocks | by copies | [`DevicePool`](crate::pool::DevicePool) |
//! | the processor's, for copies that go on by themselves | yes | [`PinnedMemory`](crate::PinnedMemory), or its [pool](crate::pool::PinnedPool) |
//! | wherever it was used last | yes | [`ManagedMemory`](crate::ManagedMemory) |
//! | a heap of several processes | yes | [`RegisteredHeap`](crate::RegisteredHeap) |
//! | another backend of anymem's | yes | [`Registered`](crate::Registered) |
//! | of another process's device | by copies | [`ipc`](crate::ipc) |
//!
//! All are memories of [`anymem::memory`]: objects with a type, which copy to each other by the
//! shortest way. What the processor cannot use it cannot refer to either: an address there is a
//! [`DeviceAddress`](crate::DeviceAddress), which nobody can follow by mistake.
//!
//! ```
//! use anymem::memory::{HostMemory, MemRead, MemSlice, MemWrite};
//! use anymem_gpu::{Device, DeviceMemory};
//!
//! for device in Device::all() {
//!     let mut there = MemSlice::filled(1000, 1_u32, DeviceMemory::new(&device)?)?;
//!     there.set(7, 42)?;
//!     let (here, _) = there.to_memory(&HostMemory)?;
//!     assert_eq!(here.as_slice()[6..9], [1, 42, 1]);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which device
//!
//! Drivers are loaded when somebody asks for a device, and none need be there:
//! [`Device::all`](crate::Device::all) has those that there are, and
//! [`Device::open`](crate::Device::open) says what is missing. The feature `sim` adds a device in
//! software, on which a program can be tested anywhere: its memory cannot be touched by the
//! processor, it runs out, its streams take their time, and it fails when it is told to.
//!
//! # In what order
//!
//! A device does what a [`Stream`](crate::Stream) is asked for one after the other, while the
//! program goes on. Copies that go on by themselves borrow both sides, and so they live in a
//! [`scope`](crate::Stream::scope), which waits at its end: no value that could be forgotten
//! stands for them. A [`DevicePool`](crate::pool::DevicePool) hands out memory in the order of
//! streams: a block may be freed while the stream still uses it, and the next block of that
//! stream may be the same memory.
//!
//! ```
//! use std::alloc::Layout;
//!
//! use anymem_gpu::pool::DevicePool;
//! use anymem_gpu::{Device, Stream};
//!
//! for device in Device::all() {
//!     let pool = DevicePool::new(&device)?.on(&Stream::new(&device)?)?;
//!     let block = pool.allocate_zeroed(Layout::new::<[f32; 1024]>())?;
//!     // SAFETY: what the stream was asked for comes before what it is asked for next.
//!     unsafe { pool.free(block) }?;
//!     pool.stream().synchronize()?;
//! }
//! # Ok::<(), anymem_gpu::GpuError>(())
//! ```
//!
//! # One heap for processes and devices
//!
//! A heap is offsets, so it is valid wherever it is mapped, and on a device as well once its
//! pages are [registered](crate::RegisteredHeap) there. [Kernels](crate::kernels) follow the
//! same lists and vectors that processes build, take blocks from it and push to its queues.
//! Each process registers the heap for itself, and only if it has a device.
//!
//! ```
//! use anymem::container::{ShmBox, ShmVec};
//! use anymem::{HeapOptions, Size};
//! use anymem_gpu::kernels::{HeapOnDevice, Kernels};
//! use anymem_gpu::{Device, RegisteredHeap, Stream};
//!
//! for device in Device::all() {
//!     let Ok(kernels) = Kernels::load(&device) else { continue };
//!     let heap = HeapOptions::new().resident(true).create_memfd("numbers", Size::mib(4))?;
//!     let heap = RegisteredHeap::new(heap, [&device])?;
//!     let numbers = ShmBox::new_in(ShmVec::from_iter_in(1..=100, &*heap)?, &*heap)?;
//!     let there = HeapOnDevice::new(&heap, &device)?;
//!     let sum = kernels.vec_sum(&Stream::new(&device)?, there, numbers.get()?)?;
//!     assert_eq!(sum.value, 5050);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The processor and the device may use one word at a time with atomics only where
//! [`host_atomics`](crate::driver::Attributes::host_atomics) says so; elsewhere they take turns,
//! by the stream's synchronisation.
//!
//! # Kernels in Rust
//!
//! Kernels of your own may be C++, with `anymem.cuh`, or Rust. For Rust `anymem-core` itself is
//! compiled for the device, `nvptx64-nvidia-cuda` or `amdgcn-amd-amdhsa`, and the crate
//! `anymem-gpu-device` has the thread model of each: `CudaModel` and `RocmModel`. So a kernel
//! takes the very locks, pushes to the rings and allocates by the allocator that processes use.
//!
//! ```ignore
//! #[unsafe(no_mangle)]
//! pub unsafe extern "gpu-kernel" fn allocate(
//!     base: NonNull<u8>, len: usize, pid: u32, start: u64, blocks: *mut Offset,
//! ) {
//!     let model = CudaModel::new(Owner { pid, start });
//!     let own = unsafe { blocks.add(model.thread_id().0 as usize) };
//!     let memory = unsafe { ArrayBackend::<65536>::from_raw(base, len) };
//!     let Ok(heap) = ThreadLocalAllocator::<_, _>::attach(memory, model) else { return };
//!     let block = heap.allocate(Context::DEFAULT, Layout::new::<u64>());
//!     unsafe { own.write(block.unwrap_or(Offset::NULL)) };
//! }
//! ```
//!
//! The host passes where the device has the heap
//! ([`HeapOnDevice::base`](crate::kernels::HeapOnDevice::base)), how long it is, and in whose name
//! the kernel acts: its own [owner](anymem_core::thread::ThreadModel::owner). The PTX is loaded
//! with [`Driver::load`](crate::driver::Driver::load), as other kernels are. How it is compiled,
//! and what holds for threads of a device, is told by that crate; `tests/device` has such kernels
//! and `ci/device.sh` compiles them.
//!
//! # Blocks for other processes
//!
//! Memory of the device itself goes by [handles](crate::ipc): 64 bytes, which can stand in a
//! shared heap. Opening one again costs no call of the driver's, and freed memory waits for those
//! who have it open, but not for the dead.
//!
//! ```
//! use std::alloc::Layout;
//!
//! use anymem_gpu::pool::DevicePool;
//! use anymem_gpu::{Device, Stream, ipc};
//!
//! for device in Device::all().into_iter().filter(|it| it.attributes().is_ok_and(|it| it.ipc)) {
//!     let pool = DevicePool::new(&device)?.on(&Stream::new(&device)?)?;
//!     let block = pool.allocate(Layout::new::<[u64; 8]>())?;
//!     let handle = pool.share(block)?;
//!     // In any process of this machine:
//!     let opened = ipc::open(&device, &handle)?;
//!     opened.write(0, &[3_u64; 8])?;
//!     // SAFETY: nobody uses it but who has it open, and for him it waits.
//!     unsafe { pool.free(block) }?;
//!     assert!(ipc::open(&device, &handle).is_err());
//!     drop(opened);
//! }
//! # Ok::<(), anymem_gpu::GpuError>(())
//! ```
//!
//! # What a driver does not have
//!
//! [`Attributes`](crate::driver::Attributes) tell it beforehand; who asks for it all the same is
//! told so by [`Unsupported`](crate::GpuError::Unsupported).
//!
//! | | CUDA | HIP | Level Zero |
//! |---|---|---|---|
//! | registered memory | yes | yes | by an extension |
//! | registered memory that is only read | if the device can | no: its flag is ignored | no |
//! | allocation in the order of a stream by the driver | if the device can | if the device can | no |
//! | the same by a [`DevicePool`](crate::pool::DevicePool) | yes | yes | yes |
//! | mapped pages in other processes, also of several chunks | yes | since 6.0 | no: [`plain`](crate::pool::DeviceProviderOptions::plain) blocks can be |
//!
//! # Forks, and the end
//!
//! Drivers do not live through a fork. In a child of a process that has a device all calls are
//! [`Forked`](crate::GpuError::Forked), and what it has a copy of gives nothing back: that is its
//! parent's. A child that needs the device starts a program. When a program ends, things may go
//! in any order, also after the driver: memory that the driver is not there to take went with
//! it.
//!
//! # What has run where
//!
//! | driver | on the software device | on the vendor's own library | on a GPU |
//! |---|---|---|---|
//! | software device | everything, on any Linux | | |
//! | CUDA | by its `cu*` names, also called by cudarc | never | never |
//! | HIP | by its `hip*` names | what it says without a device: Debian's `libamdhip64-5` | never |
//! | Level Zero | by its `ze*` names | what it says without a device: Debian's `libze1` | never |
//! | kernels | PTX text, thread by thread | never | never |
//! | kernels in Rust | never; their code by threads of the processor in a simulated grid | compiled and looked at (`ci/device.sh`); once assembled by `ptxas` of CUDA 12.9 and 13.0 for `sm_70` to `sm_121`, linked by `lld` for `gfx90a` | never |
//!
//! `ci/gpu-pack.sh` packs all tests into a folder that runs on a machine with a GPU; there
//! `run.sh --require cuda` fails where one is missing.
