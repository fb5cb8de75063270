//! Programs with three heaps: their own, one that they share while they run, and one in a
//! file, which the next run finds.
//!
//! Workers count the words of a text. What a worker needs for itself is in its own heap, as
//! each `String` of the program is; what all of them count is in the shared heap; and the
//! totals of all runs are in the file.
//!
//! ```sh
//! cargo run --example three_heaps
//! ```

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{self, Child, Command};

use anymem::allocator::Allocator;
use anymem::container::{ContainerError, ShmHashMap, ShmString};
use anymem::{HeapOptions, SharedHeap, ShmAlloc, Size};

const WORKERS: usize = 3;
const RUNS: u64 = 2;
const TEXT: [&str; 6] = [
    "a heap is a span of bytes that knows its own layout",
    "and holds no addresses so the same heap works",
    "inside one process or between processes",
    "that map it at different addresses",
    "or in a file that is there",
    "when the processes are not",
];

/// The first: whatever this process allocates without saying where.
#[global_allocator]
static OWN: ShmAlloc = ShmAlloc::new();

type Counts = ShmHashMap<ShmString, u64>;

fn add<'a>(
    counts: &Counts,
    words: impl IntoIterator<Item = (&'a str, u64)>,
) -> Result<(), ContainerError> {
    for (word, more) in words {
        counts.upsert(word, |heap| ShmString::from_str_in(word, heap), 0, |sum| *sum += more)?;
    }
    Ok(())
}

/// Counts the lines that are this worker's.
fn work(shared: &str, worker: usize) -> Result<(), Box<dyn Error>> {
    let mut own = HashMap::new();
    for line in TEXT.iter().skip(worker).step_by(WORKERS) {
        line.split(' ').for_each(|word| *own.entry(word).or_default() += 1);
    }
    let heap = SharedHeap::open(shared)?;
    add(heap.root::<Counts>("counts")?, own)?;
    Ok(())
}

/// Has workers count in a shared heap, and adds what they found to the totals in the file.
fn run(directory: &Path) -> Result<(), Box<dyn Error>> {
    let name = format!("three-heaps.{}", process::id());
    let shared = SharedHeap::create(&name, Size::mib(8))?;
    let counts = shared.root_or_create("counts", Counts::new_in)?;
    let workers = (0..WORKERS).map(|worker| start(&["work", &name, &worker.to_string()]));
    wait_for(workers.collect::<Result<_, _>>()?)?;

    let mut found = Vec::new();
    counts.for_each(|word, count| found.push((word.as_str().map(String::from), *count)))?;
    let in_file = HeapOptions::new().directory(directory).open_or_create("words", Size::mib(8))?;
    let totals = in_file.root_or_create("totals", Counts::new_in)?;
    for (word, count) in found {
        add(totals, [(word?.as_str(), count)])?;
    }
    let blocks = [OWN.stats(), shared.stats(), in_file.stats()].map(|stats| stats.live_blocks);
    println!("blocks: {} of its own, {} shared, {} in the file", blocks[0], blocks[1], blocks[2]);
    SharedHeap::unlink(&name)?;
    Ok(())
}

fn start(arguments: &[&str]) -> std::io::Result<Child> {
    Command::new(env::current_exe()?).args(arguments).spawn()
}

fn wait_for(children: Vec<Child>) -> Result<(), Box<dyn Error>> {
    for mut child in children {
        assert!(child.wait()?.success(), "a process failed");
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    match env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [role, shared, worker] if role == "work" => return work(shared, worker.parse()?),
        [role, directory] if role == "run" => return run(directory.as_ref()),
        _ => {}
    }
    let directory = env::temp_dir().join(format!("three-heaps.{}", process::id()));
    fs::create_dir(&directory)?;
    for _ in 0..RUNS {
        let path = directory.to_str().ok_or("a plain path")?;
        wait_for(vec![start(&["run", path])?])?;
    }
    let in_file = HeapOptions::new().directory(&directory).open_read_only("words")?;
    // SAFETY: nobody changes the totals any more.
    let totals = unsafe { in_file.root_to_read::<Counts>("totals")? };
    let all = TEXT.join(" ");
    for word in ["a", "heap", "processes"] {
        let expected = RUNS * all.split(' ').filter(|it| *it == word).count() as u64;
        assert_eq!(totals.get(word)?, Some(expected), "{word}");
        println!("{word}: {expected} in {RUNS} runs");
    }
    fs::remove_dir_all(&directory)?;
    Ok(())
}
