//! Global allocators without an OS, used as such: this program's own heap is one.

use std::collections::BTreeMap;

use anymem_core::global::ArenaAlloc;

#[global_allocator]
static HEAP: ArenaAlloc<{ 4 << 20 }> = ArenaAlloc::new();

#[test]
fn collections_live_in_the_array() {
    let mut map = BTreeMap::new();
    for i in 0..1000_u32 {
        map.insert(i, format!("{i:>width$}", width = i as usize % 100));
        if i % 3 == 0 {
            map.remove(&(i / 2));
        }
    }
    assert!(map.iter().all(|(i, text)| text.trim() == i.to_string()));
    assert!(HEAP.stats().used > 10_000);
    assert!(Vec::<u8>::new().try_reserve_exact(8 << 20).is_err());
}
