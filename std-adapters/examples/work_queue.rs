//! Jobs that are done exactly once, also when workers die in the midst of one.
//!
//! Each job stands in a lock. Who works on it holds the lock, so nobody else
//! takes it up; if he dies, the next one to try is told, and does it again.
//!
//! ```sh
//! cargo run --example work_queue
//! ```

use std::env;
use std::error::Error;
use std::process::{self, Command};

use anymem::container::{LockError, MutexGuard, ShmMutex, ShmSafe, ShmVec};
use anymem::{SharedHeap, Size};

const WORKERS: usize = 4;
const JOBS: u64 = 1000;

#[derive(ShmSafe)]
#[repr(C)]
struct Job {
    number: u64,
    /// The result, once it is there.
    result: u64,
    done: u32,
    /// How often somebody died of it.
    deaths: u32,
}

type Jobs = ShmVec<ShmMutex<Job>>;

/// The job, unless it is done or somebody is at it.
fn take(job: &ShmMutex<Job>) -> Result<Option<MutexGuard<'_, Job>>, String> {
    match job.try_lock() {
        Ok(job) => Ok((job.done == 0).then_some(job)),
        Err(LockError::Busy(_)) => Ok(None),
        Err(LockError::Inconsistent { mut guard, .. }) => {
            guard.deaths += 1;
            guard.mark_consistent();
            Ok((guard.done == 0).then_some(guard))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// A worker that dies of every hundredth job that it is the first to try.
fn work(heap: &str) -> Result<(), Box<dyn Error>> {
    let heap = SharedHeap::open(heap)?;
    for job in heap.root::<Jobs>("jobs")?.iter()? {
        let Some(mut job) = take(job)? else { continue };
        if job.number.is_multiple_of(100) && job.deaths == 0 {
            process::abort();
        }
        job.result = job.number * job.number;
        job.done = 1;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(heap) = env::args().nth(1) {
        return work(&heap);
    }
    let name = format!("work-queue.{}", process::id());
    let heap = SharedHeap::create(&name, Size::mib(16))?;
    let jobs = heap.root_or_create("jobs", |heap| {
        let mut jobs = ShmVec::new_in(heap);
        for number in 0..JOBS {
            let job = Job { number, result: 0, done: 0, deaths: 0 };
            jobs.push(ShmMutex::new_in(job, heap))?;
        }
        Ok(jobs)
    })?;
    let start = || Command::new(env::current_exe()?).arg(&name).spawn();
    let mut workers = (0..WORKERS).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    let mut died = 0;
    while let Some(mut worker) = workers.pop() {
        if !worker.wait()?.success() {
            died += 1;
            workers.push(start()?);
        }
    }
    let mut sum = 0;
    for job in jobs.iter()? {
        let job = job.lock().map_err(|error| error.to_string())?;
        assert_eq!(job.done, 1, "job {} was forgotten", job.number);
        sum += job.result;
    }
    assert_eq!(sum, (0..JOBS).map(|number| number * number).sum());
    println!("{JOBS} jobs are done, {died} workers died of them");
    SharedHeap::unlink(&name)?;
    Ok(())
}
