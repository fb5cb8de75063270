//! A pool in the memory of some nodes, watched and set by name.
//!
//! ```sh
//! ANYMEM_CONF=pool.default.disjoint.params.slab_min_size=1MiB cargo run --example near_memory
//! ```

use std::alloc::Layout;
use std::error::Error;
use std::sync::Arc;

use anymem::Properties;
use anymem::control::Tree;
use anymem::numa::{MemPolicy, MemSpace, Topology, current_node};
use anymem::pool::{self, DisjointOptions, Pool, PoolHandle, Tracked};
use anymem::provider::OsProvider;

fn main() -> Result<(), Box<dyn Error>> {
    let machine = match Topology::of_machine() {
        Ok(machine) => machine,
        Err(error) => {
            println!("nothing to choose from here: {error}");
            return Ok(());
        }
    };
    // Where it is told which memory is fastest from here, that; all of it otherwise.
    let here = current_node();
    let all = |_| MemSpace::host_all(&machine);
    let space = MemSpace::highest_bandwidth(&machine, here).unwrap_or_else(all);
    let memory = space.provider(MemPolicy::Interleave { part: 0 }, OsProvider::new()?)?;
    let pool = DisjointOptions::new().build(Tracked::new(Arc::new(memory))?)?;
    let pool = PoolHandle::named("near", pool);

    let layout = Layout::new::<[u8; 10_000]>();
    let blocks = (0..100).map(|_| pool.allocate(layout)).collect::<Result<Vec<_>, _>>()?;
    for block in &blocks {
        // SAFETY: the block is new, and that long.
        unsafe { block.write_bytes(1, layout.size()) };
    }
    let found = Properties::of(blocks[0]).ok_or("a pool has it")?;
    println!("{space}: the first block is on node {:?}", found.node());

    let tree = Tree::global();
    tree.set("pool.by_name.near.params.capacity", 0_u64)?;
    for block in blocks {
        // SAFETY: nobody uses the block any more.
        unsafe { pool::free(block) }?;
    }
    tree.run("pool.by_name.near.trim")?;
    for name in ["stats.blocks", "stats.reserved", "provider.stats.peak", "provider.numa.nodes"] {
        println!("{name}={}", tree.get(&format!("pool.by_name.near.{name}"))?);
    }
    Ok(())
}
