//! An ordinary vector, read in place by another process.
//!
//! The program's global allocator is a heap in a memory file, so all of its vectors
//! can be seen by others. What is sent is a view of 16 bytes; here in a heap that
//! both have open, but any pipe would do.
//!
//! ```sh
//! cargo run --example any_vec
//! ```

use std::env;
use std::error::Error;
use std::fs::File;
use std::process::{self, Command};

use anymem::container::{ShmSlice, ShmVec};
use anymem::{SharedHeap, ShmAlloc, Size};

#[global_allocator]
static HEAP: ShmAlloc = ShmAlloc::memfd();

type Views = ShmVec<ShmSlice<f64>>;

/// Adds up what was sent.
fn read(mailbox: &str, file: &str) -> Result<(), Box<dyn Error>> {
    let mailbox = SharedHeap::open(mailbox)?;
    let sender = SharedHeap::attach(File::options().read(true).write(true).open(file)?.into())?;
    let mut sum = 0.0;
    for view in mailbox.root::<Views>("views")?.iter()? {
        // SAFETY: the sender keeps the vectors until this process has ended.
        sum += unsafe { view.open(&sender) }?.iter().sum::<f64>();
    }
    println!("{sum}");
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [mailbox, file] = &arguments[..] {
        return read(mailbox, file);
    }
    let samples: Vec<Vec<f64>> = (1..=4).map(|size| vec![0.5; size * 1_000_000]).collect();

    let name = format!("any-vec.{}", process::id());
    let mailbox = SharedHeap::create(&name, Size::mib(8))?;
    mailbox.root_or_create("views", |heap| {
        let mut views = Views::new_in(heap);
        for sample in &samples {
            views.push(HEAP.slice(sample).expect("vectors live in the heap"))?;
        }
        Ok(views)
    })?;
    let file = HEAP.memory_file().ok_or("no memory file")?;
    let reader = Command::new(env::current_exe()?).arg(&name).arg(file).output()?;
    SharedHeap::unlink(&name)?;
    // Nobody reads any more: from here on the vectors may change.
    drop(samples);
    let sum = String::from_utf8(reader.stdout)?;
    assert_eq!(sum.trim(), "5000000");
    println!("another process added up 80 MB in place: {}", sum.trim());
    Ok(())
}
