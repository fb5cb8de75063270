//! Memories, paged regions and buffers over the ranks of an MPI job.
//!
//! Each rank has an *arena*: bytes that the other ranks can reach. It is a heap of anymem, so
//! blocks in it are allocated like others, and ranks of one host can share it. Pages in it can
//! be pulled and pushed by the other ranks, and only those that are stale are.
//!
//! | word | what it is |
//! |---|---|
//! | [`Transport`], [`open`] | moves bytes between arenas, in one of four ways |
//! | [`Job`] | the ranks, and the heap in the arena of each |
//! | [`ArenaMemory`], [`RemoteMemory`] | this rank's arena, and another's, as [memories](anymem_core::memory) |
//! | [`Exported`], [`MpiRegion`] | a [region](anymem_core::region) that other ranks find, and what stands for it there |
//! | [`RankBuffer`] | an array that is spread over all ranks |
//!
//! # Transports
//!
//! | kind | how | needs |
//! |---|---|---|
//! | `shared` | copies in memory that all ranks map (`MPI_Win_allocate_shared`) | one host |
//! | `window` | one `MPI_Get` or `MPI_Put` for each run, one `MPI_Win_flush` for each owner (`MPI_Win_allocate`) | |
//! | `two-sided` | a request with all runs, one indexed datatype on each side | owners that listen |
//! | `loop` | threads of one process | no MPI |
//!
//! The first one that works is taken; `ANYMEM_MPI_TRANSPORT` forces another. The feature
//! `mpi` has those that need MPI, of whatever make: Open MPI and MPICH are tested. Every
//! access is checked to be in the arena before MPI sees it, for MPI itself does not do that
//! reliably.
//!
//! # When others see what
//!
//! Between two barriers a rank either uses pages, or others get and put them; nothing locks
//! pages across ranks. [`RankBuffer`] does all of that, and is safe to use. Who opens an
//! [`MpiRegion`] promises it.
//!
//! A failure is a value: of a transport, of a rank that has left, of an arena that is full.
//! Pages that were on the way are not valid afterwards, on whichever side they are; no page
//! is half of one thing and half of another. What a process can be told of another one's
//! death is up to MPI, which usually ends the whole job.
//!
//! # Under `mpirun`
//!
//! ```text
//! cargo build --release -p anymem-mpi --features mpi --example heat
//! mpirun -n 4 target/release/examples/heat
//! ```

mod buffer;
mod job;
mod memory;
mod region;
mod transport;

pub use buffer::{BufferOptions, Distribution, LocalRegion, RankBuffer};
pub use job::Job;
pub use memory::{ArenaAddress, ArenaMemory, RemoteAddress, RemoteMemory};
pub use region::{Exported, Handle, MpiRegion};
pub use transport::{
    ARENA_ALIGN, AnyTransport, Arenas, Faults, Kind, LoopBack, Transport, TransportError, open,
    open_kind,
};
#[cfg(feature = "mpi")]
pub use transport::{Shared, TwoSided, Window, World};
