//! Chapter 4: what happens when a process dies, stops, or runs out of space.
//!
//! A process may be killed after any instruction, by a signal, by the kernel when
//! memory is short, by its own fault. The others go on.
//!
//! # What the others see
//!
//! | the dead process was | the others |
//! |---|---|
//! | allocating or freeing | notice nothing; nobody waits, no block is handed out twice |
//! | changing a container | find it as before the change or as after it |
//! | holding a lock | get the lock, and are told who died holding it |
//! | waiting for a lock or a message | notice nothing |
//! | holding values in its own memory | keep what those owned, until it is swept up |
//!
//! # How it comes back
//!
//! Each thread that allocates has a *heap slot* in the heap, where it says what it
//! is doing and what it keeps. When its process is dead, any other takes the slot
//! back with all that it kept: when the heap is opened, when heap slots or memory
//! run short, when a lock is taken over, or when
//! [`recover`](crate::SharedHeap::recover) is called. That takes some tens of
//! microseconds, and may itself be cut short by a death.
//!
//! What is left is at most one block for each dead thread: the one that was in its
//! hands. There are two ways to lose none:
//!
//! - name the place that will own the block:
//!   [`allocate_into`](anymem_core::allocator::Allocator::allocate_into),
//!   [`replace`](anymem_core::allocator::Allocator::replace),
//!   [`free_from`](anymem_core::allocator::Allocator::free_from). Recovery sees
//!   whether the block is linked there, and frees it if not;
//! - sweep now and then:
//!   [`reclaim_unreachable`](crate::SharedHeap::reclaim_unreachable) frees what no
//!   root reaches, while nobody else uses the heap.
//!
//! # Locks
//!
//! A value that was being changed may be half-changed. So the one who comes next
//! gets it together with the news, repairs it, and says so; or says nothing, and
//! the lock is abandoned for all.
//!
//! ```
//! use anymem::container::{LockError, ShmMutex};
//! use anymem::{HeapOptions, Size};
//!
//! /// Two accounts, whose sum must stay the same.
//! fn transfer(accounts: &ShmMutex<[i64; 2]>, amount: i64) -> Result<(), String> {
//!     let mut accounts = match accounts.lock() {
//!         Ok(accounts) => accounts,
//!         Err(LockError::Inconsistent { mut guard, .. }) => {
//!             guard[1] = 100 - guard[0];
//!             guard.mark_consistent();
//!             guard
//!         }
//!         Err(error) => return Err(error.to_string()),
//!     };
//!     accounts[0] -= amount;
//!     // If it is killed here, the amount is in neither account.
//!     accounts[1] += amount;
//!     Ok(())
//! }
//!
//! let heap = HeapOptions::new().create_memfd("accounts", Size::mib(4))?;
//! let accounts = ShmMutex::new_in([60, 40], &heap);
//! transfer(&accounts, 10)?;
//! assert_eq!(*accounts.lock().map_err(|error| error.to_string())?, [50, 50]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A container within a lock is never half-changed by one call; what was to be
//! done in several calls is yours to repair.
//!
//! # Who is dead
//!
//! A process that ended, also as a zombie. One that is stopped is not; nor is one
//! in another PID namespace, as long as the heap's file can be locked. A process id
//! that was given to another process later is not mistaken for the old one.
//!
//! # After a power failure
//!
//! Heaps in files survive the death of all their processes, as long as the system
//! runs: what was stored is in its cache. What had not been written when the power
//! failed is lost in any order, and no promise is made about such a heap.
//!
//! # When space runs out
//!
//! A full heap is an error of the call that wanted more, and so is a full file
//! system: space is taken from the system before it is handed out. What frees
//! something makes room again. Two cases are the system's: a process that exceeds
//! the limit of its memory cgroup is killed, and the others recover it; and who
//! touches a part of a file that another program has cut off gets SIGBUS.
//!
//! # How it is known
//!
//! By programs that kill: `sweep` after each single instruction, `torture` at
//! random, by the hundred thousand. The README says how to run them.
