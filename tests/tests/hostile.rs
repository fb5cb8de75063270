//! Heaps whose bytes somebody changes; see `anymem_tests::hostile`.
//!
//! - whatever a few thousand mutated images are used for, nothing crashes,
//!   panics or runs for ever (`corpus`);
//! - what was found like that does not come back.

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use anymem_core::allocator::Allocator;
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Config;
use anymem_core::size_class::SEAL;
use anymem_core::thread::Context;
use anymem_tests::heap::layout;
use anymem_tests::hostile::{Guarded, Pages, Slots, Victim};

const LEN: usize = 300 << 10;

/// The seeds of the corpus: each stands for an image and what is done with it.
const CORPUS: [&str; 4] = ["--seed", "1", "--images", "3000"];

/// Runs the driver; what it says at the end.
fn hostile(arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hostile"));
    let output = command.args(arguments).output().expect("another program");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{errors}");
    assert!(said.contains("crashes=0 hangs=0 panics=0"), "{said}");
    said.into_owned()
}

#[test]
fn corpus() {
    assert!(hostile(&CORPUS).contains(" images=3000 "));
}

/// The heap of a process, its metadata and its containers, is changed by others
/// all the time.
#[test]
fn peers_that_keep_changing_them() {
    for kind in ["live", "containers"] {
        hostile(&["--kind", kind, "--peers", "2", "--images", "300"]);
    }
}

/// A heap whose magazine names, for blocks of 257 bytes, a place so near the
/// end that no more than 272 are left; and that block.
fn block_at_the_end(memory: &Guarded) -> (Slots, Context, Offset) {
    let config = Config { slots: 3, roots: 4, ..Config::new(AllocatorId::new(77, 9)) };
    let heap = Slots::create(memory.backend(LEN), Victim, &config).expect("room");
    let context = heap.create_tls().expect("a slot");
    let asked = layout(257, 1);
    let block = heap.allocate(context, asked).expect("room");
    // SAFETY: just allocated.
    unsafe { heap.free(context, block, asked) }.expect("live");
    let (entry, end) = ((block.get() >> 4) as u32, (LEN - 272) as u32 >> 4);
    for at in (0..heap.segment().geometry().slab_start(0).get()).step_by(4) {
        // SAFETY: inside and aligned; any bytes are an atomic number.
        let word = unsafe { memory.base().add(at).cast::<AtomicU32>().as_ref() };
        let _ = word.compare_exchange(entry, end, Ordering::Relaxed, Ordering::Relaxed);
    }
    let at = heap.allocate(context, asked).expect("the one that the magazine names");
    // The entries of hardened heaps are encoded: what follows is of another block.
    assert!(SEAL != 0 || at.get() == LEN - 272);
    (heap, context, at)
}

/// Growing within the size class would end outside.
#[test]
fn a_block_does_not_grow_out_of_the_heap() {
    let memory = Guarded::new(LEN);
    let (heap, context, at) = block_at_the_end(&memory);
    // SAFETY: the block was handed out with that layout.
    if let Ok(at) = unsafe { heap.reallocate(context, at, layout(257, 1), 288) } {
        assert!(heap.resolve(at, 288).is_some(), "{at} is outside");
    }
    let pages = Pages::attach(memory.backend(LEN), Victim).expect("the same heap");
    // SAFETY: as above.
    if let Ok(at) = unsafe { pages.reallocate(context, at, layout(257, 1), 288) } {
        assert!(pages.resolve(at, 288).is_some(), "{at} is outside");
    }
}

/// All that may be used of a block is inside.
#[test]
fn a_block_is_not_usable_outside_the_heap() {
    let memory = Guarded::new(LEN);
    let (heap, context, at) = block_at_the_end(&memory);
    // SAFETY: the block was handed out with that layout.
    let usable = unsafe { heap.usable_size(at, layout(257, 1)) };
    assert!(heap.resolve(at, usable).is_some(), "{usable} bytes");
    let local = heap.local(context).expect("a slot");
    let block = heap.resolve(at, 1).expect("inside");
    // SAFETY: as above.
    let sizes = [unsafe { local.try_usable_size(block) }, heap.usable_size_of(at)];
    for usable in sizes.into_iter().flatten() {
        assert!(heap.resolve(at, usable).is_some(), "{usable} bytes");
    }
}
