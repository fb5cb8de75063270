//! Deaths after every instruction.
//!
//! A *victim* makes calls to a small heap, one instruction at a time (`ptrace`).
//! Wherever an instruction has changed the heap, a *survivor* takes over: it
//! finds the bytes as the death leaves them, recovers the dead and audits the
//! whole heap. Between two such instructions a death leaves the same bytes, so
//! these are all the deaths there are.
//!
//! | file | idea |
//! |---|---|
//! | `memory` | the bytes that all processes of a sweep share |
//! | `cast` | who lives and who is dead, by decree |
//! | `ledger` | what the victim had been promised when it died |
//! | `stage` | a heap with its cast, and the calls that are noted down |
//! | `operations` | what victims die of |
//! | `locks` | what victims do with locks, and what must hold then |
//! | `step` | a process that runs one instruction at a time |
//! | `survivor` | a process that looks at what is left, and may crash or hang |
//! | `audit` | what must hold after a death |
//! | `walk` | a sweep: all of that together |
//! | `containers` | the same of what containers do |
//! | `named` | the same of creating and opening heaps by name |
//!
//! The victim is stopped while survivors look at a copy of the bytes: a process
//! that never goes on and one that is killed leave the same. [`Death::Killed`]
//! ends it by SIGKILL all the same, each time a new one.
//!
//! Linux on x86-64 and aarch64 only. The latter needs the atomic instructions of
//! Armv8.1: a pair of load-exclusive and store-exclusive never succeeds when it
//! is stepped through.

mod audit;
mod cast;
mod containers;
mod ledger;
mod locks;
mod memory;
mod named;
mod operations;
mod stage;
mod step;
mod survivor;
mod walk;

pub use containers::{
    CONTAINER_OPERATIONS, ContainerOperation, ORDERED_OPERATIONS, SEQUENCE_OPERATIONS,
    sweep_container,
};
pub use locks::{LOCK_OPERATIONS, LockOperation, sweep_lock};
pub use named::{NAMED_OPERATIONS, NamedOperation, sweep_named};
pub use operations::{OPERATIONS, Operation};
pub use walk::{Death, Failure, Found, Plan, sweep};
