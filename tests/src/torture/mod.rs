//! Deaths at random, beside processes that live on.
//!
//! *Victims* and *peers*, all copies of one process, work on one heap: blocks of
//! all sizes, which wander from process to process, and containers. A victim is
//! killed at a random moment, by a timer of the kernel, and another one takes its
//! place; peers live through the round. All of them recover what the dead held,
//! also victims, which are killed while they do. At the end of a round nothing may
//! be wrong in the heap, and no more be missing than the deaths may have lost.
//!
//! | file | idea |
//! |---|---|
//! | `common` | memory outside of the heap |
//! | `failures` | what does not hold |
//! | `pattern` | what blocks are filled with |
//! | `table` | who has which block |
//! | `model` | what a process's containers hold |
//! | `lane` | what one process tells all others |
//! | `board` | all of that together |
//! | `scene` | what a round is like |
//! | `worker` | what processes do with blocks |
//! | `shelf`, `shelf_work` | what they do with containers of their own |
//! | `link_work` | what they do with blocks that are linked as they are allocated |
//! | `shared_work` | what they do with containers that all have |
//! | `life` | how they live, and when they die |
//! | `process` | copies of this process, and signals |
//! | `company` | the processes of a round, and whether they get on |
//! | `audit` | what must hold at the end of a round |
//! | `round` | a round |
//! | `kills`, `stops`, `reboots` | its kinds |
//! | `run` | all rounds |
//!
//! # What may be lost
//!
//! One block for each process that is killed in a call; none for one that is
//! killed outside of calls. Where the call is one of a container, what its
//! documentation says: the value that is being added or taken away. That is the bound, round by round; about a twentieth of
//! the deaths lose a block. Rounds of the kind *linked* may lose nothing.
//!
//! A known loss that is rare and within it: one block of a process that is killed
//! while it puts back a block of a slab that is everybody's. Nobody could tell
//! whether that was done.
//!
//! Slabs that are kept although none of their blocks is in use stand in a column of
//! their own, and count as blocks; but not where there are fewer heap slots than
//! processes. There the dead may have been claiming slabs without a journal.
//!
//! # What seeds repeat
//!
//! What each process does, up to its death, as far as it does not depend on what
//! others do; not the moment of its death to the instruction, nor who runs when.

mod audit;
mod board;
mod common;
mod company;
mod failures;
mod kills;
mod lane;
mod life;
mod link_work;
mod model;
mod pattern;
mod process;
mod reboots;
mod round;
mod run;
mod scene;
mod shared_work;
mod shelf;
mod shelf_work;
mod stops;
mod table;
mod worker;

pub use run::{Plan, Verdict, torture};
pub use scene::Setting;
