//! Pages of another rank, beside what programs do with MPI itself.
//!
//! Two ranks run a program of `anymem-mpi`, once for each [`Flavour`] of MPI. The first of them
//! does a [`Task`] with what the second has, by our regions and by calls of the library in a
//! loop: in the same two processes, over windows that were made alike.

mod job;
mod library;
mod measure;
mod report;

pub use self::{
    job::{Job, Task},
    library::Flavour,
    measure::Bench,
    report::{Summary, by_flavour},
};
