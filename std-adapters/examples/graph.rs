//! A graph that one process builds and others search, each at an address of its own.
//!
//! ```sh
//! cargo run --example graph
//! ```

use std::collections::VecDeque;
use std::env;
use std::error::Error;
use std::process::{self, Command};

use anymem::container::{ShmSafe, ShmString, ShmVec};
use anymem::{SharedHeap, Size};

const TOWNS: u32 = 20_000;
const SEARCHERS: u32 = 3;

#[derive(ShmSafe)]
#[repr(C)]
struct Town {
    name: ShmString,
    /// Numbers of the towns that roads lead to.
    roads: ShmVec<u32>,
}

type Map = ShmVec<Town>;

/// Each town has roads to the next one, and to one far off.
fn build(heap: &SharedHeap) -> Result<Map, anymem::container::ContainerError> {
    let mut map = Map::with_capacity_in(TOWNS as usize, heap)?;
    for number in 0..TOWNS {
        let far = (u64::from(number) * 2_654_435_761 % u64::from(TOWNS)) as u32;
        map.push(Town {
            name: ShmString::from_str_in(&format!("town {number}"), heap)?,
            roads: ShmVec::from_slice_in(&[(number + 1) % TOWNS, far], heap)?,
        })?;
    }
    Ok(map)
}

/// How many roads from the town `from` it takes to get to each other one, at most.
fn farthest(map: &Map, from: u32) -> Result<(u32, &str), Box<dyn Error>> {
    let towns = map.as_slice()?;
    let mut distance = vec![None; towns.len()];
    let (mut queue, mut last) = (VecDeque::from([from]), (0, from));
    distance[from as usize] = Some(0);
    while let Some(town) = queue.pop_front() {
        let here = distance[town as usize].unwrap_or(0);
        last = (here, town);
        for &next in towns[town as usize].roads.as_slice()? {
            if distance[next as usize].is_none() {
                distance[next as usize] = Some(here + 1);
                queue.push_back(next);
            }
        }
    }
    Ok((last.0, towns[last.1 as usize].name.as_str()?))
}

fn main() -> Result<(), Box<dyn Error>> {
    if let [_, heap, from] = env::args().collect::<Vec<_>>().as_slice() {
        // Whoever only searches needs no right to write.
        let heap = SharedHeap::open_read_only(heap)?;
        // SAFETY: nobody changes the map after it was bound.
        let map = unsafe { heap.root_to_read::<Map>("map")? };
        let (roads, town) = farthest(map, from.parse()?)?;
        println!("from town {from}: {town} is the farthest, {roads} roads away");
        return Ok(());
    }
    let name = format!("graph.{}", process::id());
    let heap = SharedHeap::create(&name, Size::mib(32))?;
    heap.root_or_create("map", build)?;
    let start = |number: u32| {
        let from = number * (TOWNS / SEARCHERS);
        Command::new(env::current_exe()?).args([&name, &from.to_string()]).spawn()
    };
    for mut searcher in (0..SEARCHERS).map(start).collect::<Result<Vec<_>, _>>()? {
        assert!(searcher.wait()?.success(), "a search failed");
    }
    SharedHeap::unlink(&name)?;
    Ok(())
}
