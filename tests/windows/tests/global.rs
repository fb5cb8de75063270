//! A program whose heap is a private segment: this one, the test harness included.
//!
//! Its tests take turns: what one looks at in the heap, another would change.

use std::collections::BTreeMap;
use std::thread;

use anymem::ShmAlloc;
use anymem_tests::{Random, in_threads, turn};

#[global_allocator]
static HEAP: ShmAlloc = ShmAlloc::new();

#[test]
fn the_programs_values_are_in_the_heap() {
    let _turn = turn();
    assert_eq!(HEAP.status(), Ok(()));
    let numbers = vec![1_u64, 2, 3];
    let at = HEAP.full_ptr(&numbers[0]).expect("in the heap");
    assert_eq!(at.shm.allocator, HEAP.id());
    assert!(HEAP.full_ptr(&7_u64).is_none(), "a static");
    assert!(HEAP.memory_file().is_none());
}

/// Makes texts, keeps some, and looks that they stay what they are.
fn work(seed: usize) -> BTreeMap<usize, String> {
    let mut random = Random::new(seed as u64);
    let mut kept = BTreeMap::new();
    for _ in 0..20_000 {
        let (key, size) = (random.below(500), random.size());
        let text = || format!("{key}").repeat(size / 10 + 1);
        match kept.remove(&key) {
            None => {
                kept.insert(key, text());
            }
            Some(found) => {
                let digits = key.to_string();
                assert!(found.as_bytes().chunks(digits.len()).all(|it| it == digits.as_bytes()));
            }
        }
    }
    kept
}

/// The harness's own threads allocate a little, and a step that is under way looks like a
/// fault; a fault stays.
fn is_in_order() -> bool {
    let heap = HEAP.heap().expect("made");
    (0..100).any(|_| heap.check().inspect_err(|_| thread::yield_now()).is_ok())
}

#[test]
fn threads_come_and_go_and_leave_values_to_others() {
    let _turn = turn();
    for _ in 0..3 {
        let all = in_threads(4, work);
        assert!(all.iter().all(|kept| {
            HEAP.full_ptr(&kept.first_key_value().unwrap().1[..1].as_bytes()[0]).is_some()
        }));
    }
    assert!(is_in_order(), "{:?}", HEAP.heap().map(|heap| heap.check()));
}

#[test]
fn large_blocks_grow_and_go_back() {
    let _turn = turn();
    let before = HEAP.stats().committed;
    let mut bytes = Vec::new();
    for number in 0..40_000_000_usize {
        bytes.push(number as u8);
    }
    assert!(bytes.iter().enumerate().all(|(index, byte)| *byte == index as u8));
    assert!(HEAP.stats().committed >= before + 40_000_000);
    drop(bytes);
    assert!(HEAP.trim() > 0);
    assert!(vec![0_u8; 40_000_000].iter().all(|byte| *byte == 0));
}
