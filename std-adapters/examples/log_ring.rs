//! A log that many processes write to and one reads, through a ring of bytes.
//!
//! ```sh
//! cargo run --example log_ring
//! ```

use std::collections::HashMap;
use std::env;
use std::error::Error;
use std::process::{self, Command};
use std::str;

use anymem::container::message::{MessageError, ShmByteRing};
use anymem::{SharedHeap, Size};

const WRITERS: usize = 4;
const LINES: usize = 2_000;

/// Writes lines of many lengths; waits while the ring is full.
fn write(heap: &str, writer: &str) -> Result<(), Box<dyn Error>> {
    let heap = SharedHeap::open(heap)?;
    let log = heap.root::<ShmByteRing>("log")?;
    for line in 0..LINES {
        log.send(format!("{writer}:{line}:{}", ".".repeat(line % 100)).as_bytes())?;
    }
    Ok(())
}

/// Reads lines until the log is closed and empty; how many each writer wrote.
fn read(log: &ShmByteRing) -> Result<HashMap<String, usize>, Box<dyn Error>> {
    let mut next = HashMap::<String, usize>::new();
    loop {
        let message = match log.read() {
            Ok(message) => message,
            Err(MessageError::Closed) => return Ok(next),
            Err(error) => return Err(error.into()),
        };
        // In place: the line is not copied out of the ring.
        let mut parts = str::from_utf8(&message)?.split(':');
        let (writer, line) = (parts.next().ok_or("no writer")?, parts.next().ok_or("no number")?);
        let expected = next.entry(writer.to_owned()).or_default();
        assert_eq!(line.parse::<usize>()?, *expected, "writer {writer}'s lines are in order");
        *expected += 1;
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    if let [_, heap, writer] = env::args().collect::<Vec<_>>().as_slice() {
        return write(heap, writer);
    }
    let name = format!("log-ring.{}", process::id());
    let heap = SharedHeap::create(&name, Size::mib(4))?;
    let log = heap.root_or_create("log", |heap| ShmByteRing::new_in(16 << 10, heap))?;
    let start = |writer: usize| {
        Command::new(env::current_exe()?).args([&name, &writer.to_string()]).spawn()
    };
    let mut writers = (0..WRITERS).map(start).collect::<Result<Vec<_>, _>>()?;
    let counts = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(log).map_err(|error| error.to_string()));
        let ended = writers.iter_mut().all(|writer| writer.wait().is_ok_and(|it| it.success()));
        log.close()?;
        assert!(ended, "a writer failed");
        Ok::<_, Box<dyn Error>>(reader.join().map_err(|_| "the reader panicked")??)
    })?;
    assert!(counts.len() == WRITERS && counts.values().all(|&lines| lines == LINES));
    println!("{} lines of {WRITERS} processes, each one's in order", WRITERS * LINES);
    SharedHeap::unlink(&name)?;
    Ok(())
}
