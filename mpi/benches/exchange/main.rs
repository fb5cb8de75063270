//! The two ranks of `compare -- mpi`, which starts them.
//!
//! The first reads lines `TASK CONTESTANT OPERATIONS` and passes them on to the second, which
//! owns 64 MiB. Both do what they are told, and the first answers with the nanoseconds that it
//! waited for what it got. What the owner writes in between takes no part in them.

mod contestant;
mod ours;
mod pack;
mod plain;
mod raw;
mod task;

use std::error::Error;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use anymem_mpi::{Kind, World};
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives, Root};

use contestant::Contestant;
use ours::Ours;
use pack::Pack;
use plain::Plain;
use raw::Raw;
use task::Task;

/// The rank that has the 64 MiB.
const OWNER: i32 = 1;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    // What starts MPI ends it, and so goes last.
    let world = World::start()?;
    let mut contestants: [(&str, Box<dyn Contestant>); 5] = [
        ("anymem", Box::new(or_end(&world, Ours::new(&world, Kind::Window)))),
        ("anymem-shared", Box::new(or_end(&world, Ours::new(&world, Kind::Shared)))),
        ("raw", Box::new(or_end(&world, Raw::new()))),
        ("pack", Box::new(Pack::new())),
        ("memcpy", Box::new(Plain::new())),
    ];
    or_end(&world, serve(&mut contestants));
    Ok(())
}

/// What there is, or the end of both ranks: at once, for windows are freed by both.
fn or_end<T>(world: &World, result: Result<T>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("rank {}: {error}", world.rank());
        world.abort(1)
    })
}

/// Does what it is told, until there is nothing more.
fn serve(contestants: &mut [(&str, Box<dyn Contestant>)]) -> Result<()> {
    let comm = SimpleCommunicator::world();
    if comm.size() != 2 {
        return Err("this is for two ranks".into());
    }
    let names: Vec<&str> = contestants.iter().map(|(name, _)| *name).collect();
    if comm.rank() != OWNER {
        println!("ready");
    }
    while let Some(order) = next_order(&comm, &names)? {
        let contestant = contestants[order.contestant].1.as_mut();
        let took = exchange(&comm, contestant, order.task, order.operations)?;
        if comm.rank() != OWNER {
            println!("{}", took.as_nanos());
            io::stdout().flush()?;
        }
    }
    Ok(())
}

/// What both ranks are to do.
#[derive(Clone, Copy)]
struct Order {
    task: Task,
    contestant: usize,
    operations: u64,
}

/// Reads an order and passes it on; `None` when there are no more.
fn next_order(comm: &SimpleCommunicator, names: &[&str]) -> Result<Option<Order>> {
    let mut words = [u64::MAX; 3];
    if comm.rank() != OWNER {
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? > 0 {
            words = parsed(&line, names).ok_or_else(|| format!("what is {line:?}?"))?;
        }
    }
    comm.process_at_rank(1 - OWNER).broadcast_into(&mut words);
    let [task, contestant, operations] = words;
    let task = Task::ALL.get(task as usize);
    Ok(task.map(|&task| Order { task, contestant: contestant as usize, operations }))
}

/// A line as the positions of its task and contestant, and the number.
fn parsed(line: &str, names: &[&str]) -> Option<[u64; 3]> {
    let mut words = line.split_whitespace();
    let task = words.next()?;
    let task = Task::ALL.iter().position(|it| it.name() == task)?;
    let contestant = words.next()?;
    let contestant = names.iter().position(|&name| name == contestant)?;
    Some([task as u64, contestant as u64, words.next()?.parse().ok()?])
}

/// Has one rank get what `task` is about, so many times; how long that took it.
fn exchange(
    comm: &SimpleCommunicator,
    contestant: &mut dyn Contestant,
    task: Task,
    operations: u64,
) -> Result<Duration> {
    let pages = task.pages();
    if task == Task::Get {
        return single(comm, contestant, &pages, operations);
    }
    let mut took = Duration::ZERO;
    for value in 1..=operations {
        begin(comm, contestant, task, &pages, value)?;
        if comm.rank() == OWNER {
            contestant.give(&pages)?;
        } else {
            let start = Instant::now();
            contestant.get(task, &pages)?;
            took += start.elapsed();
            check(contestant, task, &pages, value)?;
        }
        comm.barrier();
    }
    Ok(took)
}

/// Single pages, so short that they are timed together.
fn single(
    comm: &SimpleCommunicator,
    contestant: &mut dyn Contestant,
    pages: &[usize],
    operations: u64,
) -> Result<Duration> {
    begin(comm, contestant, Task::Get, pages, operations)?;
    let mut took = Duration::ZERO;
    if comm.rank() != OWNER {
        let start = Instant::now();
        for &page in pages.iter().cycle().take(operations as usize) {
            contestant.get_page(page)?;
        }
        took = start.elapsed();
        check(contestant, Task::Get, &pages[..pages.len().min(operations as usize)], operations)?;
    }
    comm.barrier();
    Ok(took)
}

/// Has `value` written to each of `pages`, and both ranks wait for that.
fn begin(
    comm: &SimpleCommunicator,
    contestant: &mut dyn Contestant,
    task: Task,
    pages: &[usize],
    value: u64,
) -> Result<()> {
    if comm.rank() == OWNER {
        contestant.write(pages, value)?;
    } else {
        contestant.prepare(task, pages, value)?;
    }
    comm.barrier();
    Ok(())
}

/// Whether what was written to `pages` is here.
fn check(contestant: &mut dyn Contestant, task: Task, pages: &[usize], value: u64) -> Result<()> {
    let words = contestant.words(task, pages)?;
    match words.iter().zip(pages).find(|&(&found, _)| found != value) {
        None => Ok(()),
        Some((found, page)) => Err(format!("page {page} has {found} instead of {value}").into()),
    }
}
