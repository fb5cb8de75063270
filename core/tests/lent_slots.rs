//! Slots that are lent for the time of a call, whatever the thread model says of the caller.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use anymem_core::allocator::{AllocError, Allocator, Exchange, LentSlots, ThreadLocalAllocator};
use anymem_core::backend::ArrayBackend;
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Config;
use anymem_core::thread::{
    Bare, Context, Liveness, Owner, PerCpu, ThreadId, ThreadModel, TlsError, TlsKey,
};
use proptest::prelude::*;
// ThreadSanitizer sees what it does, and not what that of the standard library does.
use spin::Mutex;

const SLAB: usize = 4096;
const LEN: usize = 512 * SLAB;

type Backend<'m> = ArrayBackend<'m, SLAB>;
type Heap<'m, T> = ThreadLocalAllocator<Backend<'m>, T, 12>;

fn config() -> Config {
    Config::new(AllocatorId::new(0, 7))
}

fn create<T: ThreadModel>(memory: &mut [u8], model: T) -> Heap<'_, T> {
    Heap::create(ArrayBackend::new(memory), model, &config()).expect("enough memory")
}

fn held<T: ThreadModel>(heap: &Heap<'_, T>) -> usize {
    heap.owners().count()
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

thread_local! {
    static CPU: Cell<usize> = const { Cell::new(0) };
}

/// Where the test says that it runs.
fn cpu() -> usize {
    CPU.get()
}

/// Writes to a block, so that one who has the same would see it.
fn fill<A: Allocator>(heap: &A, at: Offset, size: usize, with: u8) {
    let start = heap.resolve(at, size).expect("a block is inside");
    // SAFETY: the block was just handed out with that many bytes.
    unsafe { start.write_bytes(with, size) };
}

fn is_filled<A: Allocator>(heap: &A, at: Offset, size: usize, with: u8) -> bool {
    let start = heap.resolve(at, size).expect("a block is inside");
    // SAFETY: the block is in use, its bytes were written, and nobody else has it.
    unsafe { std::slice::from_raw_parts(start.as_ptr(), size) }.iter().all(|byte| *byte == with)
}

#[test]
fn each_processor_has_a_slot() {
    let mut memory = vec![0; LEN];
    let heap = LentSlots::<_, 4>::new(create(&mut memory, PerCpu::<_, 4>::new(cpu)));
    assert_eq!(held(heap.allocator()), 0);
    for number in [0, 1, 2, 3, 2, 1, 0] {
        CPU.set(number);
        let block = heap.allocate(Context::DEFAULT, layout(64)).unwrap();
        // SAFETY: just allocated with that layout.
        unsafe { heap.free(Context::DEFAULT, block, layout(64)) }.unwrap();
    }
    assert_eq!(held(heap.allocator()), 4);
    assert_eq!(heap.release(), 4);
    assert_eq!((heap.release(), held(heap.allocator())), (0, 0));
    heap.allocator().check().unwrap();
}

#[test]
fn who_comes_in_the_midst_of_a_call_has_another_slot() {
    let mut memory = vec![0; LEN];
    let heap = LentSlots::<_, 8>::new(create(&mut memory, Bare));
    let link = heap.allocate_zeroed(Context::DEFAULT, layout(8)).unwrap();
    nest(&heap, link, 6);
    heap.allocator().check().unwrap();
    // Four are looked at; whoever finds these lent goes without.
    assert_eq!(held(heap.allocator()), 4);
}

/// Has blocks put in each other's place, each in the midst of the call before.
fn nest(heap: &LentSlots<Heap<'_, Bare>, 8>, link: Offset, depth: u8) {
    let new = Some(layout(100));
    let exchange = Exchange { link, word: None, old: None, new, tag: 0 };
    let inner = heap.allocate_zeroed(Context::DEFAULT, layout(8)).unwrap();
    let mut within = |_| {
        if depth > 0 {
            nest(heap, inner, depth - 1);
        }
    };
    // SAFETY: nobody else stores to the link, which was null.
    let block = unsafe { heap.exchange(Context::DEFAULT, &exchange, &mut within) }.unwrap();
    // SAFETY: both were allocated here with these layouts.
    unsafe {
        heap.free(Context::DEFAULT, block, layout(100)).unwrap();
        heap.free(Context::DEFAULT, inner, layout(8)).unwrap();
    }
}

#[test]
fn without_slots_it_allocates_all_the_same() {
    let mut memory = vec![0; LEN];
    let heap = create(&mut memory, Bare);
    let taken: Vec<_> = std::iter::from_fn(|| heap.create_tls().ok()).collect();
    let heap = LentSlots::<_, 1>::new(heap);
    let blocks = || {
        for _ in 0..2000 {
            let block = heap.allocate(Context::DEFAULT, layout(32)).unwrap();
            // SAFETY: just allocated with that layout.
            unsafe { heap.free(Context::DEFAULT, block, layout(32)) }.unwrap();
        }
    };
    blocks();
    assert_eq!(heap.release(), 0);
    for context in taken {
        // SAFETY: claimed here, and not used afterwards.
        unsafe { heap.free_tls(context) };
    }
    blocks();
    assert_eq!(heap.release(), 1);
    heap.allocator().check().unwrap();
}

#[test]
fn a_context_by_hand_is_used_as_it_is() {
    let mut memory = vec![0; LEN];
    let heap = LentSlots::<_, 2>::new(create(&mut memory, Bare));
    let context = heap.create_tls().unwrap();
    let block = heap.allocate(context, layout(64)).unwrap();
    // SAFETY: allocated and claimed here.
    unsafe {
        heap.free(context, block, layout(64)).unwrap();
        heap.free_tls(context);
    }
    assert_eq!(heap.release(), 0, "no place was used");
}

/// One process after another: the second is as a forked child of the first.
#[derive(Default)]
struct Forking(AtomicU64);

impl Liveness for &Forking {
    fn is_alive(&self, _owner: Owner) -> bool {
        true
    }
}

impl ThreadModel for &Forking {
    fn thread_id(&self) -> ThreadId {
        Bare.thread_id()
    }

    fn owner(&self) -> Owner {
        Owner { pid: 1, start: self.0.load(Relaxed) }
    }

    fn yield_now(&self) {
        Bare.yield_now();
    }

    fn sleep(&self, time: Duration) {
        Bare.sleep(time);
    }
}

#[test]
fn a_forked_child_claims_slots_of_its_own() {
    let (mut memory, model) = (vec![0; LEN], Forking::default());
    let heap = LentSlots::<_, 2>::new(create(&mut memory, &model));
    let allocate = || heap.allocate(Context::DEFAULT, layout(64)).unwrap();
    let first = allocate();
    model.0.store(1, Relaxed);
    let second = allocate();
    assert_ne!(first, second);
    let starts: Vec<_> = heap.allocator().owners().map(|owner| owner.start).collect();
    assert_eq!(starts, [0, 1]);
    assert_eq!(heap.release(), 1, "the parent's slot is not the child's to give back");
}

#[test]
fn values_are_a_processors_own() {
    let model = PerCpu::<_, 2>::new(cpu);
    let key = model.create_tls(None).unwrap();
    let value = |number: usize| ptr::without_provenance_mut(number);
    for number in 0..2 {
        CPU.set(number);
        assert!(model.get_tls(key).is_null());
        model.set_tls(key, value(number + 1)).unwrap();
    }
    for number in 0..2 {
        CPU.set(number);
        assert_eq!((model.get_tls(key), model.thread_id().0), (value(number + 1), number as u64));
    }
    CPU.set(2);
    assert!(model.get_tls(key).is_null());
    assert_eq!(model.set_tls(key, value(3)), Err(TlsError::NoMemory));
    model.destroy_tls(key).unwrap();
    assert_eq!(model.destroy_tls(key), Err(TlsError::UnknownKey));
    CPU.set(1);
    assert!(model.get_tls(key).is_null());
    assert_eq!(model.set_tls(TlsKey(99), value(1)), Err(TlsError::UnknownKey));
    let again = model.create_tls(None).unwrap();
    assert!(model.get_tls(again).is_null(), "what was under an earlier key is forgotten");
    let more = std::iter::from_fn(|| model.create_tls(None).ok()).count();
    assert_eq!((more, model.create_tls(None)), (7, Err(TlsError::NoKeyLeft)));
}

/// What a task does next.
#[derive(Debug, Clone)]
enum Action {
    Allocate(usize),
    /// Frees a block, whoever allocated it.
    Free(usize),
    Resize(usize, usize),
    /// The task goes on on another processor.
    Move(usize),
    Release,
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        4 => (1_usize..9000).prop_map(Action::Allocate),
        3 => any::<usize>().prop_map(Action::Free),
        1 => (any::<usize>(), 1_usize..9000).prop_map(|(block, size)| Action::Resize(block, size)),
        2 => (0_usize..9).prop_map(Action::Move),
        1 => Just(Action::Release),
    ];
    proptest::collection::vec(action, 1..200)
}

/// The blocks that tasks have, each filled with a number of its own.
#[derive(Default)]
struct Blocks {
    live: Vec<(Offset, usize, u8)>,
    next: u8,
}

impl Blocks {
    fn act<A: Allocator>(&mut self, heap: &A, action: &Action) {
        match *action {
            Action::Allocate(size) => self.allocate(heap, size),
            Action::Free(which) => drop(self.take(which).map(|block| free(heap, block))),
            Action::Resize(which, size) => self.resize(heap, which, size),
            Action::Move(number) => CPU.set(number),
            Action::Release => {}
        }
    }

    fn take(&mut self, which: usize) -> Option<(Offset, usize, u8)> {
        let index = which.checked_rem(self.live.len())?;
        Some(self.live.swap_remove(index))
    }

    fn add<A: Allocator>(&mut self, heap: &A, at: Offset, size: usize) {
        self.next = self.next.wrapping_add(1);
        fill(heap, at, size, self.next);
        self.live.push((at, size, self.next));
    }

    fn allocate<A: Allocator>(&mut self, heap: &A, size: usize) {
        match heap.allocate(Context::DEFAULT, layout(size)) {
            Ok(at) => self.add(heap, at, size),
            Err(error) => assert!(matches!(error, AllocError::Full { .. }), "{error}"),
        }
    }

    fn resize<A: Allocator>(&mut self, heap: &A, which: usize, size: usize) {
        let Some((at, old, with)) = self.take(which) else { return };
        // SAFETY: the block is in use and was asked for with that layout.
        match unsafe { heap.reallocate(Context::DEFAULT, at, layout(old), size) } {
            Ok(moved) => {
                assert!(is_filled(heap, moved, old.min(size), with), "what it held has moved");
                self.add(heap, moved, size);
            }
            Err(_) => self.live.push((at, old, with)),
        }
    }
}

fn free<A: Allocator>(heap: &A, (at, size, with): (Offset, usize, u8)) {
    assert!(is_filled(heap, at, size, with), "a block is its holder's alone");
    // SAFETY: the block is in use, was asked for with that layout, and is used no more.
    unsafe { heap.free(Context::DEFAULT, at, layout(size)) }.unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tasks_may_go_on_anywhere(actions in actions()) {
        let mut memory = vec![0; LEN];
        let heap = LentSlots::<_, 4>::new(create(&mut memory, PerCpu::<_, 4>::new(cpu)));
        let mut blocks = Blocks::default();
        for action in &actions {
            if matches!(action, Action::Release) {
                heap.release();
            }
            blocks.act(&heap, action);
        }
        heap.allocator().check().unwrap();
        blocks.live.into_iter().for_each(|block| free(&heap, block));
        heap.release();
        prop_assert_eq!(heap.stats().live_blocks, 0);
        heap.allocator().check().unwrap();
    }
}

/// Threads that all claim to run on the one processor, and hand blocks on.
#[test]
fn many_may_say_that_they_are_on_the_same_processor() {
    const TURNS: usize = if cfg!(miri) { 10 } else { 30_000 };
    let mut memory = vec![0; LEN];
    let heap = LentSlots::<_, 1>::new(create(&mut memory, PerCpu::<_, 1>::new(|| 0)));
    let passed_on = Mutex::new(Vec::new());
    let work = |number: u8| {
        for turn in 0..TURNS {
            // Of one size class mostly, so that all are at the same magazine.
            let size = if turn % 50 == 0 { 1500 } else { 48 };
            let take =
                |_| Some((heap.allocate(Context::DEFAULT, layout(size)).ok()?, size, number));
            let mut blocks: Vec<_> = (0..8).filter_map(take).collect();
            blocks.iter().for_each(|&(at, size, number)| fill(&heap, at, size, number));
            if turn % 16 == 0 {
                std::mem::swap(&mut *passed_on.lock(), &mut blocks);
            }
            blocks.into_iter().for_each(|block| free(&heap, block));
        }
    };
    let work = &work;
    thread::scope(|scope| {
        (1..=4).for_each(|number| drop(scope.spawn(move || work(number))));
    });
    passed_on.into_inner().into_iter().for_each(|block| free(&heap, block));
    heap.release();
    heap.allocator().check().unwrap();
    assert_eq!((heap.stats().live_blocks, heap.stats().double_frees), (0, 0));
}
