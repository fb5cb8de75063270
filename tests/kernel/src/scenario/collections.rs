//! What `alloc` has, in a kernel.

use alloc::alloc::{alloc_zeroed, dealloc};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::alloc::Layout;

pub fn run() {
    boxes();
    strings_in_a_map();
    growing();
    aligned();
}

fn boxes() {
    let boxed: Box<dyn Fn(u32) -> u32> = Box::new(|number| number + 1);
    assert_eq!(boxed(41), 42);
    let shared = Arc::new([7_u8; 100]);
    let again = Arc::clone(&shared);
    drop(shared);
    assert_eq!(again[99], 7);
}

fn strings_in_a_map() {
    let mut names = BTreeMap::new();
    for number in 0..2000_u32 {
        names.insert(number.wrapping_mul(2_654_435_761), number.to_string());
    }
    assert!(names.iter().is_sorted());
    names.retain(|_, name| name.ends_with('7'));
    assert_eq!(names.len(), 200);
    let all: String = names.into_values().collect();
    assert!(all.contains("1997"));
}

/// Grows in place, or moves, through all sizes up to several slabs.
fn growing() {
    let mut numbers = Vec::new();
    for number in 0..50_000_u64 {
        numbers.push(number);
    }
    assert_eq!(numbers.iter().sum::<u64>(), 50_000 * 49_999 / 2);
    numbers.truncate(10);
    numbers.shrink_to_fit();
    assert_eq!(numbers, (0..10).collect::<Vec<_>>());
}

fn aligned() {
    for align in (0..=16).map(|log2| 1 << log2) {
        let layout = Layout::from_size_align(align + 100, align).expect("a layout");
        // SAFETY: the layout has a size; the block is freed with the same one.
        unsafe {
            let block = alloc_zeroed(layout);
            assert!(!block.is_null() && block.addr().is_multiple_of(align), "{layout:?}");
            assert!(core::slice::from_raw_parts(block, layout.size()).iter().all(|&it| it == 0));
            block.write_bytes(0xff, layout.size());
            dealloc(block, layout);
        }
    }
}
