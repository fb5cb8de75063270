//! What firmware does with a heap: collections, growing and shrinking, an interrupt that
//! allocates, and what happens when memory runs out.

extern crate alloc;

use alloc::alloc::{alloc, dealloc};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::cell::RefCell;
use core::sync::atomic::{AtomicU32, Ordering};

use board::arch::interrupt_after;
use board::println;
use critical_section::Mutex;

/// What the program's global allocator tells of itself.
pub struct Heap {
    /// Bytes that blocks can have altogether.
    pub capacity: usize,
    /// Bytes that blocks have now.
    pub used: fn() -> usize,
    /// Whether nothing in it is broken.
    pub sound: fn() -> bool,
}

/// Interrupts that have been handled.
static TICKS: AtomicU32 = AtomicU32::new(0);

/// What the handler has allocated and main takes, oldest first.
static LETTERS: Mutex<RefCell<Vec<Box<[u32]>>>> = Mutex::new(RefCell::new(Vec::new()));

/// Runs all scenarios, each of which gives back all that it allocates.
pub fn run(heap: &Heap) {
    println!("{} bit, {} bytes", usize::BITS, heap.capacity);
    let scenarios: [(&str, fn(&Heap)); 5] = [
        ("collections", collections),
        ("resizing", resizing),
        ("alignments", alignments),
        ("interrupts", interrupts),
        ("exhaustion", exhaustion),
    ];
    for (name, scenario) in scenarios {
        scenario(heap);
        assert_eq!((heap.used)(), 0, "{name} left something behind");
        assert!((heap.sound)(), "{name} broke the heap");
        println!("{name}: ok");
    }
}

fn collections(_: &Heap) {
    let words: Vec<String> = (0..40).map(|n| format!("word {n}")).collect();
    let mut map = BTreeMap::new();
    for (n, word) in words.iter().enumerate() {
        map.insert(word.as_str(), Box::new(n));
    }
    assert!(map.iter().all(|(word, n)| *word == words[**n]));
    map.retain(|_, n| **n % 2 == 0);
    assert_eq!(map.len(), 20);
}

fn resizing(heap: &Heap) {
    let mut vec = Vec::new();
    vec.extend(0..2000_u16);
    vec.truncate(100);
    vec.shrink_to_fit();
    assert!((heap.used)() < 400);
    assert!(vec.iter().copied().eq(0..100));
}

fn alignments(_: &Heap) {
    for power in 0..11 {
        let layout = Layout::from_size_align(3 << power, 1 << power).expect("small");
        // SAFETY: it is not of no bytes, and goes back with the layout it came with.
        unsafe {
            let block = alloc(layout);
            assert!(!block.is_null() && block.addr() % layout.align() == 0);
            block.write_bytes(0xA5, layout.size());
            dealloc(block, layout);
        }
    }
}

/// What happens at each interrupt: allocates a letter to main, and frees every third itself.
#[unsafe(no_mangle)]
fn tick() {
    let tick = TICKS.load(Ordering::Relaxed);
    TICKS.store(tick + 1, Ordering::Relaxed);
    let letter = filled(tick, 1 + tick as usize % 32);
    critical_section::with(|section| {
        let mut letters = LETTERS.borrow_ref_mut(section);
        letters.push(letter);
        if tick % 3 == 2 {
            assert_filled(&letters.swap_remove(0));
        }
    });
    // Not in step with what main does.
    interrupt_after(50 + tick * 37 % 64);
}

/// Allocates and frees while the handler does, too, and what the other has allocated.
fn interrupts(_: &Heap) {
    const WANTED: u32 = 1000;
    let mut mine: Vec<Box<[u32]>> = Vec::new();
    let mut turn = 0_u32;
    interrupt_after(50);
    // SAFETY: no critical section is at work.
    unsafe { board::arch::unmask() };
    while TICKS.load(Ordering::Relaxed) < WANTED {
        turn = turn.wrapping_add(1);
        mine.push(filled(turn, 1 + turn as usize % 61));
        if mine.len() > 20 {
            assert_filled(&mine.swap_remove(turn as usize % 20));
        }
        let letters = critical_section::with(|section| LETTERS.take(section));
        letters.iter().for_each(|letter| assert_filled(letter));
    }
    board::arch::mask();
    assert!(turn > WANTED / 10, "main came to nothing: {turn} turns");
    critical_section::with(|section| LETTERS.take(section));
}

fn filled(number: u32, len: usize) -> Box<[u32]> {
    (0..len as u32).map(|n| number ^ n << 24).collect()
}

fn assert_filled(block: &[u32]) {
    assert!((0..).zip(block).all(|(n, word)| *word == block[0] ^ n << 24), "somebody wrote here");
}

/// Takes all there is, twice: what fails is a value, and nothing is lost by it.
fn exhaustion(heap: &Heap) {
    assert!(Vec::<u8>::new().try_reserve(heap.capacity + 1).is_err());
    let first = fill();
    assert_eq!(fill(), first);
    let most = heap.capacity / 100 * 95;
    assert!(first * 64 > most, "only {first} blocks");
    assert!(Vec::<u8>::new().try_reserve_exact(most).is_ok());
}

/// Allocates until there is no more, and frees all of it; how many blocks that were.
fn fill() -> usize {
    let mut blocks: Option<Box<Link>> = None;
    let mut count = 0;
    while let Some(link) = Link::before(&mut blocks) {
        blocks = Some(link);
        count += 1;
    }
    while let Some(mut link) = blocks {
        blocks = link.next.take();
    }
    count
}

/// Something of 64 bytes that knows the next.
struct Link {
    next: Option<Box<Self>>,
    _room: [u8; 64 - size_of::<usize>()],
}

impl Link {
    /// One before `next`, if there is memory for it; `next` is nothing then.
    fn before(next: &mut Option<Box<Self>>) -> Option<Box<Self>> {
        let layout = Layout::new::<Self>();
        // SAFETY: its size is not 0, and the block is one of that layout.
        unsafe {
            let block = alloc(layout).cast::<Self>();
            if block.is_null() {
                return None;
            }
            block.write(Self { next: next.take(), _room: [0; 64 - size_of::<usize>()] });
            Some(Box::from_raw(block))
        }
    }
}
