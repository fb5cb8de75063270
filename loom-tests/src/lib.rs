//! The protocols of `anymem-core`, run by model checkers.
//!
//! The core is generic over its [`Atomics`](anymem_core::sync::Atomics) and
//! reaches words through an [`Arena`](anymem_core::sync::Arena), so what runs
//! here is the very code that users run, without a `cfg`:
//!
//! - [`Loom`] explores every interleaving, and every value that the memory
//!   model lets a load return, within a bound on preemptions.
//! - [`Shuttle`] samples schedules of longer histories with more threads. It
//!   takes every ordering for sequentially consistent.
//!
//! # Writing a model
//!
//! A scenario is a function over a [`Model`]: it makes a [`Tiny`] heap, lets a
//! few threads run [`together`](Model::together), and asserts. A thread touches
//! the [`Cell`] of what it owns; two touches that are not ordered fail, so a
//! missing Acquire or Release is found even where no assertion would notice.
//!
//! Every scenario is also run where it must fail: with a [`Flaw`] built into
//! the atomics, or with a step of the protocol left out. That shows that the
//! model is able to fail.
//!
//! # Budgets
//!
//! loom is bounded by preemptions, never by time or by a number of executions:
//! these stop silently, and the test passes.

mod flaw;
mod loom_model;
mod model;
mod process;
mod shuttle_model;
mod tiny;
mod words;

pub use flaw::{Flaw, Flawed, FlawedInt, NoAcquire, NoRelease, TornExchange, TornUpdate};
pub use loom_model::{Loom, LoomBed, LoomCell, LoomU32, LoomWord, explore};
pub use model::{Bed, Cell, Model, Sleepers, Thread, thread};
pub use process::{DiedAsleep, Process, System, owner};
pub use shuttle_model::{Shuttle, ShuttleBed, ShuttleCell, ShuttleU32, ShuttleWord, sample};
pub use tiny::{BLOCKS, OfSlot, Tiny};
pub use words::Words;
