//! `anymem`: shared heaps on the command line.
//!
//! | command | does |
//! |---|---|
//! | `demo [PATHS…]` | counts words with several processes in one shared map |
//! | `ls` | lists the segments of this machine |
//! | `rm NAME…` | removes segments |
//! | `inspect NAME` | shows what is in a heap, also as JSON and as a map |
//! | `top NAME` | the same, again and again |
//! | `verify NAME` | says what is wrong in a heap |
//! | `recover NAME` | takes back what dead processes held |
//!
//! The program's own heap is a segment, too.
#![forbid(unsafe_code)]
// A program for systems with `std`: naming `alloc` apart would tell nothing.
#![allow(clippy::std_instead_of_alloc)]

mod args;
mod care;
mod demo;
mod error;
mod guard;
mod inspect;
mod numbers;
mod output;
mod segments;
mod signals;
mod tables;

use std::process::ExitCode;

use anymem::ShmAlloc;
use clap::Parser;

use crate::args::{Args, Command};
use crate::error::CliError;

#[global_allocator]
static HEAP: ShmAlloc = ShmAlloc::new();

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            if !error.is_closed_pipe() {
                output::complain(format_args!("error: {error}"));
            }
            error.exit_code()
        }
    }
}

fn run(args: Args) -> Result<ExitCode, CliError> {
    match args.command.segment() {
        Some(_) if args.guarded => guard::follow_parent()?,
        Some(name) => return guard::run(name),
        None => {}
    }
    match args.command {
        Command::Demo(demo) => demo::run(&demo),
        Command::Worker(worker) => demo::work(&worker),
        Command::Ls => segments::list(),
        Command::Verify { name } => care::verify(&name),
        Command::Inspect(what) => inspect::inspect(&what),
        Command::Top { name, interval } => inspect::top(&name, interval),
        Command::Recover { name } => care::recover(&name),
        Command::Look { name } => segments::look(&name),
        Command::Rm { names } => segments::remove(&names),
    }
}
