//! Bounded queues that live in a heap and survive those who push and pop.
//!
//! | type | who pushes | who pops | follows |
//! |---|---|---|---|
//! | [`ShmSpsc<T>`] | one [`Producer`] | one [`Consumer`] | FastForward (Giacomoni and others, 2008): the slots tell whether there is room, each end has its own cache line |
//! | [`ShmMpsc<T>`] | anybody | one [`Consumer`] | Vyukov's bounded queue at the one end, FastForward at the other |
//! | [`ShmMpmc<T>`] | anybody | anybody | Vyukov's bounded queue, with slots that name who claims them |
//!
//! All have room for a power of two of values, which are moved in and out. They
//! allocate one block when they are made and none later. They are shared by
//! reference; the ends that have one user are handed out as values, to one thread
//! of all processes at a time.
//!
//! ```no_run
//! use core::time::Duration;
//!
//! use anymem_core::allocator::Allocator;
//! use anymem_core::container::{ContainerError, PopError, ShmBox, ShmMpmc};
//!
//! fn make(heap: &impl Allocator) -> Result<ShmBox<ShmMpmc<u64>>, ContainerError> {
//!     ShmBox::new_in(ShmMpmc::new_in(256, heap)?, heap)
//! }
//!
//! fn work(jobs: &ShmMpmc<u64>) {
//!     loop {
//!         match jobs.pop_timeout(Duration::from_secs(1)) {
//!             Ok(job) => println!("job {job}"),
//!             Err(PopError::Empty) => println!("nothing to do"),
//!             Err(_) => return,
//!         }
//!     }
//! }
//! ```
//!
//! # What they promise
//!
//! - Values come out in the order in which they were put in, each once. (Of two
//!   pushes at the same time either may be the first.)
//! - `push` and `pop` look some hundred times and sleep then; `…_timeout` ends, as
//!   exactly as the thread model's clock goes. While nobody sleeps there are no
//!   system calls.
//! - After [`close`](ShmMpmc::close) nobody puts anything in, but for pushes that
//!   had begun. Who pops gets what is there, and then [`PopError::Closed`]; no
//!   value comes after that.
//! - No method panics.
//!
//! # Futures
//!
//! | waits | a thread, by | a task, by (feature `async`) |
//! |---|---|---|
//! | for room | `push`, `push_timeout` | `push_async`, a `PushFuture` |
//! | for a value | `pop`, `pop_timeout` | `pop_async`, a `PopFuture` |
//!
//! The futures need no executor in particular, and no runtime. One that is dropped before
//! it is ready has done nothing, so a time limit is whatever the executor has for that.
//!
#![cfg_attr(feature = "async", doc = "```no_run")]
#![cfg_attr(not(feature = "async"), doc = "```ignore")]
//! use anymem_core::container::{PopError, PushError, ShmMpmc};
//!
//! async fn double(questions: &ShmMpmc<u64>, answers: &ShmMpmc<u64>) -> Result<(), PopError> {
//!     loop {
//!         let question = questions.pop_async().await?;
//!         if let Err(PushError::Closed(_)) = answers.push_async(2 * question).await {
//!             return Ok(());
//!         }
//!     }
//! }
//! ```
//!
//! The thread model [watches](crate::thread::ThreadModel::watch) what the tasks of a
//! process wait for. That of `anymem` has one thread for it, which is started when a
//! task waits for the first time. A value that comes wakes all tasks of one process that
//! wait for it there, or one thread, and each task looks once in 50 milliseconds whether
//! somebody died. Without an operating system tasks are polled again and again.
//!
//! # When a process dies
//!
//! SIGKILL at any instruction, of any of them:
//!
//! - Nobody waits for the dead. A slot that a dead process had claimed is found
//!   when its turn comes, and passed over. Who meets a slot in use looks some
//!   hundred times before it asks whether the user lives.
//! - A value comes out once or not at all, and whole. Lost is at most the one that
//!   the dead thread was pushing or popping, and where an end has one user
//!   ([`Producer`], [`Consumer`]) not even that: it is in the queue or it is in the
//!   hands of the dead.
//! - What a lost value owns is found by
//!   [`reclaim_unreachable`](crate::allocator::ThreadLocalAllocator::reclaim_unreachable).
//! - An end whose user died goes to the next one who asks for it.
//! - Who sleeps is woken by those who live; where the dead one had to, some
//!   hundredths of a second later.
//!
//! What a process popped is its own: a job that must not be lost with the one who
//! works at it is to be kept elsewhere until it is done.
//!
//! # What they do not
//!
//! - A thread that is stopped (SIGSTOP) in the middle of a push or pop is alive: when
//!   its slot's turn comes, the others find the queue empty, or full, until it goes
//!   on. The end of a queue with one user is that user's.
//! - A thread that ends in the middle of one, and leaves its process alive, is not
//!   noticed. Safe code does not get there.
//! - More than [`SEATS`] living processes cannot share [`ShmMpmc`], or push into
//!   [`ShmMpsc`]: the next one is answered with [`PushError::Crowded`].
//!
//! # From hermes
//!
//! | hermes | here |
//! |---|---|
//! | `spsc_queue`, `fixed_spsc_queue`, `spsc_ptr_queue` | [`ShmSpsc`] |
//! | `mpsc_queue`, `fixed_mpsc_queue`, `mpsc_ptr_queue` | [`ShmMpsc`] |
//! | `ticket_queue` (a mutex around a ring) | [`ShmMpmc`] of tickets, without the mutex |
//! | `split_ticket_queue` (many of these, to spread the lock) | [`ShmMpmc`]: one ring, one order, nothing to steal from. Where the order is of no matter and the tail is contended, a [`ShmVec`](super::ShmVec) of them |
//! | `circular_mpsc_queue`, `ext_ring_buffer` (overwrite or grow when full) | `try_push`, which hands the value back: pop one, or wait |
//! | `ring_ptr_queue` (offsets with a mark) | `ShmSpsc<ShmPtr<T>>`, `ShmMpsc<ShmPtr<T>>`: no bit is taken from values |
//! | `multi_ring_buffer` (lanes by priority) | a [`ShmVec`](super::ShmVec) of rings |

mod block;
mod ends;
mod error;
mod foreign;
#[cfg(feature = "async")]
mod future;
mod mpmc;
mod mpsc;
mod own;
mod spsc;
mod traits;
mod wait;

pub use error::{EndError, PopError, PushError};
#[cfg(feature = "async")]
pub use future::{PopFuture, PushFuture};
pub use mpmc::ShmMpmc;
pub use mpsc::ShmMpsc;
pub use own::{Consumer, Producer};
pub use spsc::ShmSpsc;

pub use crate::sync::ring::SEATS;
