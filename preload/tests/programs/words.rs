//! A small program for cargo to build.

use std::collections::{BTreeMap, HashMap};
use std::thread;

fn count(seed: u64) -> BTreeMap<String, u64> {
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut state = seed;
    for _ in 0..50_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *counts.entry(format!("word {}", state >> 50)).or_default() += 1;
    }
    counts.into_iter().collect()
}

fn main() {
    let threads: Vec<_> = (0..4).map(|seed| thread::spawn(move || count(seed))).collect();
    for thread in threads {
        let counts = thread.join().expect("it counts");
        println!("{} {:?}", counts.len(), counts.iter().max_by_key(|(_, count)| **count));
    }
}
