//! The heap for a few KiB: against a model, with anything written over its memory, and
//! counting its steps.

use std::alloc::Layout;
use std::ops::Range;
use std::ptr::NonNull;

use anymem_core::allocator::FreeError;
use anymem_core::tiny::{Counted, TinyHeap};
use proptest::prelude::*;

const GUARD: u8 = 0xA5;
const GUARDS: usize = 4096;

type Heap = TinyHeap<Counted>;

/// Memory with guards at both sides.
struct Arena {
    bytes: Vec<u8>,
    len: usize,
}

impl Arena {
    fn new(len: usize) -> Self {
        Self { bytes: vec![GUARD; len + 2 * GUARDS], len }
    }

    /// The memory, beginning `skew` bytes after a multiple of 4096.
    fn memory(&mut self, skew: usize) -> NonNull<[u8]> {
        let start = NonNull::from(self.bytes.as_mut_slice()).cast::<u8>();
        let skipped = start.align_offset(4096) + skew;
        // SAFETY: the guard before it is as large.
        let start = unsafe { start.add(skipped.min(GUARDS)) };
        NonNull::slice_from_raw_parts(start, self.len)
    }
}

#[derive(Debug, Clone)]
enum Op {
    Allocate { size: usize, align: usize },
    Free(usize),
    Resize(usize, usize),
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![6 => 0..100_usize, 3 => 0..1000_usize, 1 => 0..20_000_usize]
}

fn op() -> impl Strategy<Value = Op> {
    let align = prop_oneof![8 => 0..4_u32, 2 => 4..12_u32];
    prop_oneof![
        5 => (size(), align).prop_map(|(size, log)| Op::Allocate { size, align: 1 << log }),
        3 => any::<usize>().prop_map(Op::Free),
        2 => (any::<usize>(), size()).prop_map(|(at, size)| Op::Resize(at, size)),
    ]
}

#[derive(Debug, Clone, Copy)]
struct Block {
    at: NonNull<u8>,
    layout: Layout,
    fill: u8,
}

impl Block {
    fn bytes(&self) -> &[u8] {
        // SAFETY: a live block; the test is the only one to use it.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.layout.size()) }
    }

    fn paint(&self) {
        // SAFETY: as above.
        unsafe { self.at.write_bytes(self.fill, self.layout.size()) };
    }

    fn within(&self, memory: NonNull<[u8]>) -> bool {
        let start = memory.cast::<u8>().addr().get();
        let at = self.at.addr().get();
        at >= start && at + self.layout.size() <= start + memory.len()
    }
}

/// A heap and what is known of its blocks.
struct World {
    heap: Heap,
    memory: NonNull<[u8]>,
    live: Vec<Block>,
    fills: u8,
}

impl World {
    fn new(memory: NonNull<[u8]>) -> Option<Self> {
        // SAFETY: the arena is not used otherwise, and outlives this.
        let heap = unsafe { Heap::new(memory) }.ok()?;
        Some(Self { heap, memory, live: Vec::new(), fills: 0 })
    }

    fn run(&mut self, op: &Op) {
        match *op {
            Op::Allocate { size, align } => self.allocate(size, align),
            Op::Free(which) if !self.live.is_empty() => {
                let block = self.live.swap_remove(which % self.live.len());
                // SAFETY: it was live.
                unsafe { self.heap.free(block.at, block.layout) }.expect("it was live");
            }
            Op::Resize(which, size) if !self.live.is_empty() => {
                let which = which % self.live.len();
                self.resize(which, size);
            }
            Op::Free(_) | Op::Resize(..) => {}
        }
        let Counted(steps) = self.heap.take_steps();
        assert!(steps <= Heap::MOST_STEPS, "{steps} steps for {op:?}");
    }

    fn allocate(&mut self, size: usize, align: usize) {
        let layout = Layout::from_size_align(size, align).unwrap();
        let Some(at) = self.heap.allocate(layout) else { return };
        self.fills = self.fills.wrapping_add(1);
        let block = Block { at, layout, fill: self.fills };
        assert!(block.within(self.memory) && at.addr().get().is_multiple_of(align));
        block.paint();
        self.live.push(block);
    }

    fn resize(&mut self, which: usize, size: usize) {
        let block = &mut self.live[which];
        // SAFETY: it is live.
        if unsafe { self.heap.resize(block.at, block.layout, size) } {
            let kept = block.layout.size().min(size);
            block.layout = Layout::from_size_align(size, block.layout.align()).unwrap();
            assert!(block.bytes()[..kept].iter().all(|&byte| byte == block.fill));
            block.paint();
        } else {
            assert!(size > block.layout.size(), "a block can become smaller always");
        }
    }

    /// Joins the next `len` bytes of `all`, of which the heap has the first ones.
    fn join(&mut self, all: NonNull<[u8]>, len: usize) {
        let (end, before) = (self.memory.len(), self.heap.stats());
        // SAFETY: the arena is not used otherwise, and outlives this.
        if unsafe { self.heap.join(part_of(all, end..end + len)) } {
            self.memory = part_of(all, 0..end + len);
            let more = self.heap.stats().capacity - before.capacity;
            // But for the edges, of which the old ones are free.
            assert!(more <= len && more + end / 64 + len / 32 + 24 >= len, "{more} of {len}");
        } else {
            assert!(len < 40 + end / 32, "{len} bytes were refused behind {end}");
            assert_eq!(self.heap.stats(), before);
        }
    }

    fn check(&self) {
        assert_eq!(self.heap.check(), Ok(()));
        for block in &self.live {
            assert!(block.bytes().iter().all(|&byte| byte == block.fill), "{block:?} was changed");
        }
        let used = |block: &Block| block.layout.size().next_multiple_of(8).max(16);
        let stats = self.heap.stats();
        assert_eq!(stats.used, self.live.iter().map(used).sum::<usize>());
        assert!(stats.peak >= stats.used && stats.largest <= stats.free());
    }

    fn free_all(&mut self) {
        while !self.live.is_empty() {
            self.run(&Op::Free(0));
        }
        self.check();
        // A block as large as the heap takes all that is kept.
        let layout = Layout::from_size_align(self.heap.stats().capacity, 8).unwrap();
        assert!(self.heap.allocate(layout).is_some(), "all free memory is one block");
    }
}

fn part_of(memory: NonNull<[u8]>, bytes: Range<usize>) -> NonNull<[u8]> {
    assert!(bytes.end <= memory.len());
    // SAFETY: within the memory.
    let start = unsafe { memory.cast::<u8>().add(bytes.start) };
    NonNull::slice_from_raw_parts(start, bytes.len())
}

fn guards_hold(arena: &Arena, memory: NonNull<[u8]>) {
    let start = memory.cast::<u8>().addr().get() - arena.bytes.as_ptr().addr();
    let outside = arena.bytes[..start].iter().chain(&arena.bytes[start + memory.len()..]);
    assert!(outside.into_iter().all(|&byte| byte == GUARD), "something outside was written");
}

proptest! {
    #[test]
    fn it_is_as_the_model(
        len in prop_oneof![0..2000_usize, 2000..70_000_usize],
        skew in 0..64_usize,
        ops in prop::collection::vec(op(), 1..300),
    ) {
        let mut arena = Arena::new(len);
        let memory = arena.memory(skew);
        if let Some(mut world) = World::new(memory) {
            world.check();
            for op in &ops {
                world.run(op);
                world.check();
            }
            world.free_all();
        } else {
            prop_assert!(len < 400);
        }
        guards_hold(&arena, memory);
    }

    /// Memory that is joined, part by part, is no other than what was there at first.
    #[test]
    fn it_is_as_the_model_in_joined_memory(
        skew in 0..8_usize,
        parts in prop::collection::vec((1..600_usize, prop::collection::vec(op(), 0..60)), 1..5),
    ) {
        let lens = parts.iter().map(|(granules, _)| 8 * granules);
        let mut arena = Arena::new(500 + lens.sum::<usize>());
        let memory = arena.memory(8 * skew);
        let mut world = World::new(part_of(memory, 0..496)).expect("it is large enough");
        for (granules, ops) in &parts {
            ops.iter().for_each(|op| world.run(op));
            world.check();
            world.join(memory, 8 * granules);
            world.check();
        }
        world.free_all();
        guards_hold(&arena, world.memory);
    }

    #[test]
    fn bytes_in_free_memory_harm_nobody(
        ops in prop::collection::vec((op(), any::<u64>()), 1..200),
        anywhere: bool,
        joined: bool,
    ) {
        let mut arena = Arena::new(8192);
        let memory = arena.memory(8);
        let first = if joined { 4096 } else { 8192 };
        let mut world = World::new(part_of(memory, 0..first)).expect("it is large enough");
        if joined {
            world.join(memory, 4096);
        }
        let own = 288 + 8192 / 64 + 8;
        for (op, noise) in ops {
            world.run_damaged(&op);
            world.scribble(noise, if anywhere { 0 } else { own });
        }
        guards_hold(&arena, memory);
    }
}

impl World {
    /// As `run`, where blocks may overlap and frees may be refused.
    fn run_damaged(&mut self, op: &Op) {
        match *op {
            Op::Allocate { size, align } => {
                let layout = Layout::from_size_align(size, align).unwrap();
                let Some(at) = self.heap.allocate(layout) else { return };
                let block = Block { at, layout, fill: 0 };
                assert!(block.within(self.memory));
                self.live.push(block);
            }
            Op::Free(which) if !self.live.is_empty() => {
                let block = self.live.swap_remove(which % self.live.len());
                // SAFETY: it was handed out; what became of it does not matter here.
                let _ = unsafe { self.heap.free(block.at, block.layout) };
            }
            Op::Resize(which, size) if !self.live.is_empty() => {
                let which = which % self.live.len();
                let block = &mut self.live[which];
                // SAFETY: as above.
                if unsafe { self.heap.resize(block.at, block.layout, size) } {
                    block.layout = Layout::from_size_align(size, block.layout.align()).unwrap();
                    assert!(block.within(self.memory));
                }
            }
            Op::Free(_) | Op::Resize(..) => {}
        }
        let Counted(steps) = self.heap.take_steps();
        assert!(steps <= Heap::MOST_STEPS, "{steps} steps for {op:?}");
        let _ = (self.heap.check(), self.heap.stats());
    }

    /// Writes some words that could be links or lengths, from byte `from` on.
    fn scribble(&mut self, noise: u64, from: usize) {
        let mut state = noise;
        for _ in 0..noise % 8 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let words = (self.memory.len() - from) / 4;
            let at = from + (state >> 33) as usize % words * 4;
            let value = if state & 1 == 0 { state as u32 } else { (state >> 20) as u32 % 1100 };
            // SAFETY: a word of the memory, which is no live block for this test.
            unsafe { self.memory.cast::<u8>().add(at).cast::<u32>().write(value) };
        }
    }
}

#[test]
fn what_can_never_be_met_is_refused() {
    let mut arena = Arena::new(4096);
    let mut world = World::new(arena.memory(0)).unwrap();
    for (size, align) in [
        (4096, 1),
        (isize::MAX as usize, 1),
        (1, 1 << (usize::BITS - 3)),
        (0, 1 << (usize::BITS - 2)),
    ] {
        assert_eq!(world.heap.allocate(Layout::from_size_align(size, align).unwrap()), None);
    }
    let layout = Layout::new::<[u64; 4]>();
    let block = world.heap.allocate(layout).unwrap();
    // SAFETY: it is live.
    assert!(!unsafe { world.heap.resize(block, layout, usize::MAX) });
    assert_eq!(world.heap.check(), Ok(()));
    assert_eq!(TinyHeap::empty().allocate(layout), None);
}

#[test]
fn the_least_heap_has_room_for_one_block() {
    let mut arena = Arena::new(316);
    let mut world = World::new(arena.memory(28)).unwrap();
    world.check();
    assert_eq!(world.heap.stats().capacity, 16);
    for op in [(17, 1), (16, 8), (0, 1)].map(|(size, align)| Op::Allocate { size, align }) {
        world.run(&op);
        world.check();
    }
    assert_eq!(world.live.len(), 1);
    world.free_all();
}

#[test]
fn a_list_of_kept_blocks_that_was_cut_short_is_given_up() {
    let mut arena = Arena::new(8192);
    let mut world = World::new(arena.memory(0)).unwrap();
    let layout = Layout::new::<[u8; 64]>();
    let blocks = [0; 3].map(|_| world.heap.allocate(layout).unwrap());
    for block in blocks {
        // SAFETY: it is live.
        unsafe { world.heap.free(block, layout) }.unwrap();
    }
    // SAFETY: memory of the arena, which no other thread uses.
    unsafe { blocks[2].cast::<u32>().write(0) };
    world.allocate(8192, 1);
    let Counted(steps) = world.heap.take_steps();
    assert!(world.live.is_empty() && steps <= Heap::MOST_STEPS, "{steps} steps");
    world.allocate(7000, 8);
    assert_eq!(world.live.len(), 1, "what is left of the memory serves");
}

#[test]
fn frees_of_what_is_no_block_are_told() {
    let mut arena = Arena::new(65_536);
    let mut world = World::new(arena.memory(0)).unwrap();
    let layout = Layout::new::<[u8; 1000]>();
    let [first, second] = [0; 2].map(|_| world.heap.allocate(layout).unwrap());
    // SAFETY: these are live once; the other calls are what is tested, and change nothing.
    unsafe {
        assert_eq!(world.heap.free(first, layout), Ok(()));
        assert_eq!(world.heap.free(first, layout), Err(FreeError::DoubleFree));
        let outside = NonNull::from(&mut world.fills);
        assert_eq!(world.heap.free(outside, layout), Err(FreeError::Outside));
        assert_eq!(world.heap.free(second.add(4), layout), Err(FreeError::Outside));
        let larger = Layout::new::<[u8; 65_536]>();
        assert_eq!(world.heap.free(second, larger), Err(FreeError::NotABlock));
    }
    assert_eq!(world.heap.check(), Ok(()));
}

#[test]
fn its_own_numbers_take_less_than_three_percent() {
    let mut arena = Arena::new(65_536);
    let world = World::new(arena.memory(0)).unwrap();
    let own = 65_536 - world.heap.stats().capacity + size_of::<TinyHeap>();
    assert!(own * 100 < 65_536 * 3, "{own} bytes");
}

#[test]
fn only_what_begins_where_the_heap_ends_is_joined() {
    let mut arena = Arena::new(8192);
    let memory = arena.memory(0);
    let mut world = World::new(part_of(memory, 1024..2048)).unwrap();
    for refused in [0..1024, 2056..4096, 2048..2064, 2047..4096, 1024..2048] {
        // SAFETY: the arena is not used otherwise; but the last two, which are not looked at.
        assert!(!unsafe { world.heap.join(part_of(memory, refused)) });
    }
    // SAFETY: the arena is not used otherwise.
    assert!(!unsafe { TinyHeap::empty().join(memory) }, "nothing has no end");
    // SAFETY: as above.
    assert!(unsafe { world.heap.join(part_of(memory, 2048..4096)) });
    let across = world.heap.allocate(Layout::new::<[u8; 2500]>()).unwrap();
    assert!(across.addr().get() < memory.cast::<u8>().addr().get() + 2048, "it is in both");
    assert_eq!(world.heap.check(), Ok(()));
}
