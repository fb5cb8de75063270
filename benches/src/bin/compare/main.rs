//! Side by side with the peers, in one run.

mod draw;
mod embedded;
mod frames;
mod gpu;
mod mpi;
mod options;
mod pools;
mod preload;
mod process;
mod regions;
mod results;
mod shared;
mod umf;

use core::error::Error;
use std::{alloc::System, process::ExitCode};

use clap::{Parser, Subcommand};

/// The program's own memory must not come from a contestant of ours.
#[global_allocator]
static OWN: System = System;

/// Measures anymem beside other allocators.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compares allocators for the heap of a process: ns per operation, by
    /// workload; the last line holds the ratios.
    Process(process::Process),
    /// Compares allocators as shared libraries under whole programs: time and
    /// peak memory against glibc's, by program; the last line holds the means.
    Preload(preload::Preload),
    /// Compares heaps and containers that processes share: ns per operation, by
    /// job; the last line holds the ratios.
    Shared(shared::Shared),
    /// Compares pools of any memory: ns per operation, by job; the last line holds the
    /// ratios.
    Pools(pools::Pools),
    /// Compares regions of pages with copies of the same bytes: ns per operation, by job;
    /// the last line holds the ratios.
    Regions(regions::Regions),
    /// Compares pages of another rank with calls of MPI: ns per operation, by library and
    /// job; the last line holds the ratios.
    Mpi(mpi::Mpi),
    /// Compares heaps for a few KiB to a few MiB: ns per operation and how full they get, by
    /// job; the last line holds the ratios.
    Embedded(embedded::Embedded),
    /// Compares pools of a GPU's memory with its driver's allocation: ns per operation, by job;
    /// the last line holds the figures. Without a GPU it is one in software.
    Gpu(gpu::Gpu),
    /// Compares allocators of page frames: ns per operation, by job, on one thread and on two;
    /// the last line holds the ratios.
    Frames(frames::Frames),
    /// A process that `gpu` starts.
    #[command(hide = true)]
    GpuProducer(gpu::Producer),
    /// A process that `pools` starts.
    #[command(hide = true)]
    PoolsProducer(pools::Producer),
    /// A process that `shared` starts.
    #[command(hide = true)]
    SharedWorker(shared::Worker),
    /// Draws the charts of results again, without measuring.
    Draw(draw::Draw),
}

impl Command {
    fn run(&self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Process(process) => process.run(),
            Self::Preload(preload) => preload.run(),
            Self::Pools(pools) => pools.run(),
            Self::Regions(regions) => regions.run(),
            Self::Mpi(mpi) => mpi.run(),
            Self::Embedded(embedded) => embedded.run(),
            Self::Gpu(gpu) => gpu.run(),
            Self::Frames(frames) => frames.run(),
            Self::GpuProducer(producer) => producer.run(),
            Self::PoolsProducer(producer) => producer.run(),
            Self::Shared(shared) => shared.run(),
            Self::SharedWorker(worker) => worker.run(),
            Self::Draw(draw) => draw.run(),
        }
    }
}

fn main() -> ExitCode {
    match Cli::parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}
