//! A program whose heap is a named segment, and tells what the program asks for.

use anymem::allocator::Allocator;
use anymem::offset::Offset;
use anymem::{SharedHeap, ShmAlloc};
use anymem_tests::{Name, Peer, role, tell};

#[global_allocator]
static HEAP: ShmAlloc =
    ShmAlloc::named("test.observed.{pid}").with_size(64 << 20).with_counts().with_profile(4096);

/// Reads a number in another process's heap.
#[test]
fn peer() {
    let Some(words) = role() else { return };
    // This process has such a heap as well, which goes with it.
    let _name = Name::known(HEAP.name().expect("it has one"));
    let theirs = SharedHeap::open(&words[0]).expect("there");
    let at = Offset::new(words[1].parse().expect("a number"));
    let number = theirs.resolve(at, 8).expect("inside");
    // SAFETY: the other process keeps the number until this one has ended.
    tell(&unsafe { number.cast::<u64>().read() }.to_string());
}

#[test]
fn other_processes_read_the_programs_values() {
    assert_eq!(HEAP.status(), Ok(()));
    let name = Name::known(HEAP.name().expect("it has one"));
    let number = Box::new(4711_u64);
    let at = HEAP.offset_of(&*number).expect("in the heap");
    let mut peer = Peer::start(&[&name, &at.get().to_string()]);
    assert_eq!(peer.hear(), "4711");
    peer.finish();
    drop(number);
}

#[inline(never)]
fn keep() -> Vec<Vec<u8>> {
    (0..1000).map(|_| vec![1; 10_000]).collect()
}

#[test]
fn what_is_kept_is_counted_and_sampled_with_the_calls_that_led_to_it() {
    let before = HEAP.counts().expect("they are counted").bytes.live;
    let kept = keep();
    let counts = HEAP.counts().expect("they are counted");
    assert!(counts.bytes.live >= before + 10_000_000, "{} bytes", counts.bytes.live);
    let sites = HEAP.profile().expect("it is made").sites();
    let bytes: f64 = sites.iter().map(|site| site.live.bytes).sum();
    assert!((8e6..13e6).contains(&bytes), "{bytes} bytes");
    let most = sites.iter().max_by(|a, b| a.live.bytes.total_cmp(&b.live.bytes)).expect("some");
    assert!(most.stack.len() > 5, "{:?}", most.stack);
    drop(kept);
    assert!(HEAP.counts().expect("they are counted").bytes.live < counts.bytes.live);
}
