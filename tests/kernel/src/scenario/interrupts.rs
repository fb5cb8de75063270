//! Interrupt handlers that allocate and free while the interrupted code does.

use alloc::alloc::{alloc, dealloc, realloc};
use core::alloc::Layout;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::hoard::Hoard;
use crate::block::Block;
use crate::board::Board;
use crate::heap::HEAP;
use crate::random::Random;
use crate::{apic, interrupt, processor, say};

/// Ticks of the processor's timer, of which there are 10⁹ a second.
const TICKS: u32 = 50_000;

/// How often the timer has to come in the midst of an allocator's call.
const WANTED: usize = 1000;

/// Handlers free what the interrupted code has left here, and the other way round.
static BOARD: Board = Board::new();

static CALLS: AtomicUsize = AtomicUsize::new(0);
static AMIDST: AtomicUsize = AtomicUsize::new(0);

/// Counts an interrupt; numbers that belong to it.
fn count() -> Random {
    if processor::is_in_allocator() {
        AMIDST.fetch_add(1, Ordering::Relaxed);
    }
    Random::new(CALLS.fetch_add(1, Ordering::Relaxed))
}

fn begin(handler: fn()) {
    CALLS.store(0, Ordering::Relaxed);
    AMIDST.store(0, Ordering::Relaxed);
    interrupt::handle_by(handler);
}

fn end() {
    BOARD.clear();
    let (calls, amidst) = (CALLS.load(Ordering::Relaxed), AMIDST.load(Ordering::Relaxed));
    say!("interrupts: {calls}, {amidst} in the midst of the allocator");
}

/// Asks what the heap holds, whatever others are doing to it.
fn ask() {
    let stats = HEAP.stats();
    assert!(stats.slabs > 0 && stats.capacity > 0 && stats.double_frees == 0, "{stats:?}");
}

/// The timer interrupts whatever is done just then.
pub fn by_timer() {
    begin(|| {
        let mut random = count();
        BOARD.turn(&mut random);
        if random.below(64) == 0 {
            ask();
        }
    });
    let mut random = Random::new(0);
    apic::interrupted(TICKS, || {
        while AMIDST.load(Ordering::Relaxed) < WANTED {
            BOARD.turn(&mut random);
        }
    });
    end();
}

/// The timer interrupts calls that look for memory where none is left.
pub fn without_memory() {
    let hoard = Hoard::of_blocks(4 << 10);
    begin(|| {
        // There may be room for it, or not.
        drop(Block::new(16 << count().below(10), 1));
    });
    apic::interrupted(TICKS, || {
        while AMIDST.load(Ordering::Relaxed) < WANTED / 5 {
            assert!(Block::new(64 << 10, 2).is_none(), "there is still memory");
        }
    });
    drop(hoard);
    end();
}

/// Every single instruction of some hundred calls is followed by an interrupt.
pub fn by_steps() {
    begin(|| BOARD.turn(&mut count()));
    for size in [16, 100, 700, 3000, 5000, 40000] {
        stepped(size);
    }
    assert!(AMIDST.load(Ordering::Relaxed) > 10_000, "the trap flag had no effect");
    end();
}

/// Allocates, resizes and frees many blocks, so that magazines are filled and flushed.
fn stepped(size: usize) {
    const BLOCKS: usize = 12;
    let [small, large] = [size, size + size / 2].map(|size| Layout::from_size_align(size, 8));
    let (small, large) = (small.expect("a layout"), large.expect("a layout"));
    let mut blocks = [core::ptr::null_mut::<u8>(); BLOCKS];
    for (number, block) in blocks.iter_mut().enumerate() {
        // SAFETY: the layout has a size.
        *block = call(|| unsafe { alloc(small) });
        assert!(!block.is_null());
        // SAFETY: the block was just handed out.
        unsafe { block.write_bytes(number as u8, 1) };
    }
    for block in blocks.iter_mut().step_by(8) {
        // SAFETY: the block is of that layout; the old one is not used any more.
        *block = call(|| unsafe { realloc(*block, small, large.size()) });
        assert!(!block.is_null());
    }
    for (number, &block) in blocks.iter().enumerate() {
        let layout = if number.is_multiple_of(8) { large } else { small };
        // SAFETY: the block is of that layout, and has at least one byte.
        assert_eq!(unsafe { block.read() }, number as u8, "the block's first byte");
        // SAFETY: it is not used any more.
        call(|| unsafe { dealloc(block, layout) });
    }
}

/// Calls the allocator, interrupted after each instruction.
fn call<R>(call: impl FnOnce() -> R) -> R {
    processor::in_allocator(|| interrupt::stepped(call))
}
