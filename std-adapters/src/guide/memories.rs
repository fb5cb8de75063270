//! Chapter 7: memories as types.
//!
//! A program may have data where the processor cannot touch them: on a device, on another
//! machine. A pointer into such memory compiles and crashes. Here each memory is a type, with
//! a type of address of its own, and what lives there is an object that knows its memory.
//!
//! # Objects
//!
//! [`MemBox<T, M>`](crate::memory::MemBox) is one value, [`MemSlice<T, M>`](crate::memory::MemSlice)
//! are any number. `T` is plain data ([`Pod`](crate::memory::Pod)): any bits make one, and it
//! refers to nothing. They are freed by drop, through their memory.
//!
//! ```
//! use anymem::memory::{HostMemory, MemRead, MemSlice, MemWrite, Route, SimMemory};
//!
//! // A device that there is not; a real one looks the same.
//! let device = SimMemory::new(HostMemory, 1 << 20, 0)?;
//!
//! let host = MemSlice::from_slice(&[1.0_f32; 1000], HostMemory)?;
//! let (mut there, route) = host.to_memory(&device)?;
//! assert_eq!(route, Route::To);
//!
//! there.set(0, 2.0)?;
//! there.update(1, |x| x + 0.5)?;
//! there.part_mut(500..)?.fill(0.0)?;
//!
//! let mut first = [0.0; 3];
//! there.read(0, &mut first)?;
//! assert_eq!(first, [2.0, 1.5, 1.0]);
//! # Ok::<(), anymem::memory::MemoryError>(())
//! ```
//!
//! Each of these calls is one copy of just the bytes that it is about, and may fail. How many
//! elements there are is known on the host; to ask costs nothing. Where the processor can use
//! the memory ([`HostAddressable`](crate::memory::HostAddressable)), there are references as
//! well: [`as_slice`](crate::memory::MemRead::as_slice), and `*` of a box.
//!
//! Functions that take any object take `&impl MemRead<Item = T>` or
//! `&mut impl MemWrite<Item = T>`; parts of objects are such too.
//!
//! # From one memory to another
//!
//! [`to_memory`](crate::memory::MemRead::to_memory) makes a new object,
//! [`assign`](crate::memory::MemWrite::assign) fills one that there is. Both say which way the
//! bytes went:
//!
//! | [`Route`](crate::memory::Route) | when | cost |
//! |---|---|---|
//! | `Host` | the processor can use both | one `memmove` |
//! | `To`, `From` | it can use one of them | one copy of the other memory |
//! | `Peer` | neither, but the destination has a direct way | one copy, without the processor's memory |
//! | `Temporary` | neither | two copies for each 4 KiB; 4 KiB of stack |
//!
//! [`transfer`](crate::memory::transfer) does the same with bytes, also of memories whose
//! types are not known ([`Place`](crate::memory::Place), [`AnyMemory`](crate::memory::AnyMemory)),
//! and [`post_transfer`](crate::memory::post_transfer) many at a time: they are done when both
//! memories are flushed.
//!
//! # Which memory
//!
//! | objects are to be | take |
//! |---|---|
//! | in the program's own memory | [`HostMemory`](crate::memory::HostMemory) |
//! | on some node, in huge pages, in a file | [`PoolMemory`](crate::memory::PoolMemory) of such a [provider](super::pools) |
//! | seen by other processes | [`HeapMemory`](crate::memory::HeapMemory) of a [`SharedHeap`](crate::SharedHeap) |
//! | gone when a function returns, without any allocator | [`ArrayMemory`](crate::memory::ArrayMemory) |
//! | counted, or limited | [`Counted`](crate::memory::Counted) of any of these |
//! | where the program is tested without a device | [`SimMemory`](crate::memory::SimMemory) |
//! | wherever the program is built for | [`Standard`](crate::memory::Standard), or a name of your own for it |
//!
//! An object holds its memory: by value, as `&M`, or as `Arc<M>`. A memory that is lent
//! outlives its objects, or it does not compile:
//!
//! ```compile_fail,E0597
//! use anymem::memory::{ArrayMemory, MemBox};
//!
//! let value = {
//!     let mut array = [0; 1024];
//!     let local = ArrayMemory::new(&mut array);
//!     MemBox::new(1_u64, &local).unwrap()
//! };
//! value.get();
//! ```
//!
//! # A memory of one's own
//!
//! Say what an address is, how blocks are had and given back, and how bytes get there and
//! back. The rest goes by these unless it is written: filling, posting, direct ways.
//!
//! ```
//! use std::alloc::Layout;
//! use std::sync::Mutex;
//!
//! use anymem::memory::{Address, MemBox, Memory, MemoryError, MemoryId, RawAddress};
//!
//! /// A place in the only file.
//! #[derive(Debug, Clone, Copy, PartialEq, Eq)]
//! struct At(u64);
//!
//! impl Address for At {
//!     const NULL: Self = At(u64::MAX);
//!     fn byte_add(self, bytes: usize) -> Self {
//!         At(self.0 + bytes as u64)
//!     }
//!     fn to_raw(self) -> RawAddress {
//!         RawAddress::Foreign(self.0)
//!     }
//!     fn from_raw(raw: RawAddress) -> Option<Self> {
//!         match raw {
//!             RawAddress::Foreign(at) => Some(At(at)),
//!             RawAddress::Host(_) => None,
//!         }
//!     }
//! }
//!
//! /// Blocks one behind the other, in a file that is a vector here.
//! #[derive(Default)]
//! struct File(Mutex<Vec<u8>>);
//!
//! // SAFETY: blocks are handed out once each, and copies are of the bytes asked for.
//! unsafe impl Memory for File {
//!     type Address = At;
//!     fn id(&self) -> MemoryId {
//!         MemoryId { kind: "file", instance: 0 }
//!     }
//!     fn allocate(&self, layout: Layout) -> Result<At, MemoryError> {
//!         let mut bytes = self.0.lock().unwrap();
//!         let at = bytes.len().next_multiple_of(layout.align());
//!         bytes.resize(at + layout.size(), 0);
//!         Ok(At(at as u64))
//!     }
//!     unsafe fn free(&self, _at: At, _layout: Layout) {}
//!     unsafe fn copy_to(&self, to: At, from: *const u8, len: usize) -> Result<(), MemoryError> {
//!         let to = &mut self.0.lock().unwrap()[to.0 as usize..][..len];
//!         // SAFETY: the caller says that it is readable.
//!         unsafe { to.as_mut_ptr().copy_from(from, len) };
//!         Ok(())
//!     }
//!     unsafe fn copy_from(&self, to: *mut u8, from: At, len: usize) -> Result<(), MemoryError> {
//!         let from = &self.0.lock().unwrap()[from.0 as usize..][..len];
//!         // SAFETY: the caller says that it is writable.
//!         unsafe { to.copy_from(from.as_ptr(), len) };
//!         Ok(())
//!     }
//! }
//!
//! let file = File::default();
//! let mut count = MemBox::new(41_u32, &file)?;
//! count.update(|count| count + 1)?;
//! assert_eq!(count.get()?, 42);
//! # Ok::<(), MemoryError>(())
//! ```
//!
//! The idea and the names come from a proposal for Ada; [an appendix](super::ada) goes through
//! it point by point.
