//! A cache that a pool of server processes shares: what one of them has worked
//! out, all have.
//!
//! ```sh
//! cargo run --example kv_cache
//! ```

use std::env;
use std::error::Error;
use std::process::{self, Command};

use anymem::container::{ShmHashMap, ShmString};
use anymem::{SharedHeap, Size};

const SERVERS: usize = 4;
const REQUESTS: usize = 10_000;
const PAGES: usize = 500;

type Cache = ShmHashMap<ShmString, ShmString>;

/// One of the pool's processes: answers requests, and counts what was not there.
fn serve(heap: &str, server: usize) -> Result<(), Box<dyn Error>> {
    let heap = SharedHeap::open(heap)?;
    let cache = heap.root::<Cache>("pages")?;
    let rendered = heap.root::<ShmHashMap<u64, u64>>("rendered")?;
    for request in 0..REQUESTS {
        // Each server gets the pages in an order of its own.
        let page = (request * (2 * server + 1) * 7919) % PAGES;
        let path = format!("/page/{page}");
        let length = match cache.with(path.as_str(), |page| page.len())? {
            Some(length) => length,
            None => {
                let text = render(page);
                let (key, value) =
                    (ShmString::from_str_in(&path, &heap)?, ShmString::from_str_in(&text, &heap)?);
                cache.insert(key, value)?;
                rendered.insert((server * REQUESTS + request) as u64, page as u64)?;
                text.len()
            }
        };
        assert_eq!(length, render(page).len(), "{path} is another page");
    }
    Ok(())
}

/// What takes long, in a real server.
fn render(page: usize) -> String {
    format!("<h1>Page {page}</h1>{}", "<p>All work and no play.</p>".repeat(page % 50))
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    if let [_, heap, server] = arguments.as_slice() {
        return serve(heap, server.parse()?);
    }
    let name = format!("kv-cache.{}", process::id());
    let heap = SharedHeap::create(&name, Size::mib(64))?;
    heap.root_or_create("pages", Cache::new_in)?;
    let rendered = heap.root_or_create("rendered", ShmHashMap::<u64, u64>::new_in)?;
    let start = |server: usize| {
        Command::new(env::current_exe()?).args([&name, &server.to_string()]).spawn()
    };
    let servers = (0..SERVERS).map(start).collect::<Result<Vec<_>, _>>();
    for mut server in servers? {
        assert!(server.wait()?.success(), "a server failed");
    }
    println!(
        "{} requests for {PAGES} pages by {SERVERS} processes: rendered {} times",
        SERVERS * REQUESTS,
        rendered.len()?
    );
    SharedHeap::unlink(&name)?;
    Ok(())
}
