//! What has to be true of user-level threads that go on elsewhere.

mod runtime;

use std::alloc::Layout;
use std::ffi::c_void;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{
    AtomicBool, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anymem::Size;
use anymem::allocator::{Allocator, LentSlots, ThreadLocalAllocator};
use anymem::backend::{MmapBackend, ShmBackend};
use anymem::container::ShmMutex;
use anymem::manager::{BackendId, MemoryManager, ThreadLocal, UserLevel};
use anymem::offset::{AllocatorId, Offset};
use anymem::segment::Config;
use anymem::thread::{
    ArgobotsError, ArgobotsModel, Context, SystemModel, ThreadModel, TlsError, TlsKey,
};

pub(crate) use self::runtime::Runtime;
use self::runtime::Task;

const BACKEND: BackendId = BackendId(0);
const ID: AllocatorId = AllocatorId::new(77, 1);

type Heap = ThreadLocalAllocator<MmapBackend, ArgobotsModel>;

const STREAMS: usize = 3;

/// Long enough that nobody waits for it unless a wake-up was lost.
const LONG: Duration = Duration::from_secs(60);

/// All of it, with Argobots as `runtime` has it. The process finds no other.
pub(crate) fn run(runtime: &Runtime) {
    assert_eq!(ArgobotsModel::load().err(), Some(ArgobotsError::NotRunning));
    runtime.init();
    let model = ArgobotsModel::load().unwrap();
    for (name, scenario) in SCENARIOS {
        println!("{name}");
        scenario(runtime, model);
    }
    runtime.finalize();
    assert_eq!(ArgobotsModel::load().err(), Some(ArgobotsError::NotRunning));
}

type Scenario = fn(&Runtime, ArgobotsModel);

const SCENARIOS: [(&str, Scenario); 8] = [
    ("values stay with their thread", values_stay_with_their_thread),
    ("keys are made and destroyed", keys_are_made_and_destroyed),
    ("contexts stay with their thread", contexts_stay_with_their_thread),
    ("slots are lent", slots_are_lent),
    ("locks let others run", locks_let_others_run),
    ("who waits is woken", who_waits_is_woken),
    ("sleepers let others run", sleepers_let_others_run),
    ("other processes need no Argobots", other_processes_need_no_argobots),
];

fn tasks<F: FnOnce() + Send + 'static>(count: usize, task: impl Fn(usize) -> F) -> Vec<Task> {
    (0..count).map(|number| Box::new(task(number)) as Task).collect()
}

fn heap(model: ArgobotsModel) -> Heap {
    Heap::create(MmapBackend::new(64 << 20).unwrap(), model, &Config::new(ID)).unwrap()
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// Lets others run; how often the caller went on elsewhere.
fn switch(model: ArgobotsModel, times: usize) -> usize {
    let moved = |_| {
        let before = model.whereabouts();
        model.yield_now();
        before != model.whereabouts()
    };
    (0..times).filter(|&turn| moved(turn)).count()
}

static EXITS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

unsafe extern "C" fn note_exit(value: *mut c_void) {
    EXITS.lock().unwrap().push(value.addr());
}

fn value(number: usize) -> *mut c_void {
    ptr::without_provenance_mut(number + 1)
}

fn values_stay_with_their_thread(runtime: &Runtime, model: ArgobotsModel) {
    const THREADS: usize = 12;
    let key = model.create_tls(Some(note_exit)).unwrap();
    let moves = Arc::new(AtomicUsize::new(0));
    let ids = Arc::new(Mutex::new(Vec::new()));
    let task = |number| {
        let (moves, ids) = (Arc::clone(&moves), Arc::clone(&ids));
        move || {
            assert!(model.get_tls(key).is_null());
            model.set_tls(key, value(number)).unwrap();
            let id = model.thread_id();
            // Until somebody has gone on elsewhere: else nothing was shown.
            for turn in 0..1_000_000 {
                if turn > 200 && moves.load(Relaxed) > 0 {
                    break;
                }
                moves.fetch_add(switch(model, 1), Relaxed);
                assert_eq!((model.get_tls(key), model.thread_id()), (value(number), id));
            }
            ids.lock().unwrap().push(id);
        }
    };
    runtime.run(STREAMS, tasks(THREADS, task));
    assert!(moves.load(Relaxed) > 0, "nobody went on elsewhere");
    let mut ids = ids.lock().unwrap().clone();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), THREADS, "two have the same number");
    let of_the_system = move || {
        assert!(model.get_tls(key).is_null());
        model.set_tls(key, value(THREADS)).unwrap();
        assert_eq!(model.get_tls(key), value(THREADS));
        assert!(!ids.contains(&model.thread_id()));
    };
    thread::spawn(of_the_system).join().unwrap();
    let mut exits = EXITS.lock().unwrap().clone();
    exits.sort_unstable();
    assert_eq!(exits, Vec::from_iter(1..=THREADS + 1), "each value was given back once");
    model.destroy_tls(key).unwrap();
}

fn keys_are_made_and_destroyed(runtime: &Runtime, model: ArgobotsModel) {
    let task = |_| {
        move || {
            let keys: Vec<_> = std::iter::from_fn(|| model.create_tls(None).ok()).collect();
            assert_eq!((keys.len(), model.create_tls(None)), (64, Err(TlsError::NoKeyLeft)));
            for (number, key) in keys.iter().enumerate() {
                model.set_tls(*key, value(number)).unwrap();
            }
            model.yield_now();
            for (number, key) in keys.iter().enumerate() {
                assert_eq!(model.get_tls(*key), value(number));
                model.destroy_tls(*key).unwrap();
                assert_eq!(model.destroy_tls(*key), Err(TlsError::UnknownKey));
                assert_eq!(model.set_tls(*key, value(0)), Err(TlsError::UnknownKey));
                assert!(model.get_tls(*key).is_null());
            }
            assert_eq!(model.destroy_tls(TlsKey(64)), Err(TlsError::UnknownKey));
        }
    };
    runtime.run(1, tasks(1, task));
}

/// A block with a number in each byte.
#[derive(Clone, Copy)]
struct Block {
    at: Offset,
    size: usize,
    number: u8,
}

impl Block {
    fn new<A: Allocator>(heap: &A, context: Context, size: usize, number: u8) -> Self {
        let at = heap.allocate(context, layout(size)).unwrap();
        let start = heap.resolve(at, size).unwrap();
        // SAFETY: just allocated with that size.
        unsafe { start.write_bytes(number, size) };
        Self { at, size, number }
    }

    fn free<A: Allocator>(self, heap: &A, context: Context) {
        let start = heap.resolve(self.at, self.size).unwrap();
        // SAFETY: the block is in use, was asked for with that layout, and nobody else has
        // it.
        unsafe {
            let bytes = std::slice::from_raw_parts(start.as_ptr(), self.size);
            assert!(bytes.iter().all(|byte| *byte == self.number), "somebody else has it");
            heap.free(context, self.at, layout(self.size)).unwrap();
        }
    }
}

fn size(number: usize, turn: usize) -> usize {
    1 + (number * 1009 + turn * 331) % 5000
}

fn contexts_stay_with_their_thread(runtime: &Runtime, model: ArgobotsModel) {
    let heap = Arc::new(heap(model));
    let task = |number| {
        let heap = Arc::clone(&heap);
        move || {
            let context = heap.create_tls().unwrap();
            let mut kept = Vec::new();
            for turn in 0..300 {
                kept.push(Block::new(&*heap, context, size(number, turn), number as u8));
                switch(model, 1);
                if kept.len() > 20 {
                    kept.swap_remove(turn % 20).free(&*heap, context);
                }
            }
            kept.into_iter().for_each(|block| block.free(&*heap, context));
            // SAFETY: the context was claimed here and is not used any more.
            unsafe { heap.free_tls(context) };
        }
    };
    runtime.run(STREAMS, tasks(8, task));
    assert_eq!((heap.stats().live_blocks, heap.owners().count()), (0, 0));
    heap.check().unwrap();
}

fn slots_are_lent(runtime: &Runtime, model: ArgobotsModel) {
    let heap = Arc::new(LentSlots::<_, STREAMS>::new(heap(model)));
    let passed_on = Arc::new(Mutex::new(Vec::new()));
    let task = |number| {
        let (heap, passed_on) = (Arc::clone(&heap), Arc::clone(&passed_on));
        move || {
            for turn in 0..300 {
                let size = size(number, turn);
                let block = Block::new(&*heap, Context::DEFAULT, size, number as u8);
                switch(model, 1);
                let others = match turn % 3 {
                    0 => Some(block),
                    _ => {
                        let mut passed_on = passed_on.lock().unwrap();
                        passed_on.push(block);
                        let some = passed_on.len() / 2;
                        (turn % 3 == 1).then(|| passed_on.swap_remove(some))
                    }
                };
                others.into_iter().for_each(|block| block.free(&*heap, Context::DEFAULT));
            }
        }
    };
    runtime.run(STREAMS, tasks(32, task));
    assert!((1..=STREAMS).contains(&heap.allocator().owners().count()));
    passed_on.lock().unwrap().drain(..).for_each(|block| block.free(&*heap, Context::DEFAULT));
    heap.release();
    assert_eq!((heap.stats().live_blocks, heap.allocator().owners().count()), (0, 0));
    heap.allocator().check().unwrap();
}

/// With one stream, who waits for a lock must let its holder run.
fn locks_let_others_run(runtime: &Runtime, model: ArgobotsModel) {
    const THREADS: u64 = 4;
    const TURNS: u64 = 50;
    let manager = MemoryManager::new();
    manager.create_backend::<MmapBackend>(BACKEND, Size::mib(16), "").unwrap();
    let heap = manager.create_allocator::<UserLevel>(BACKEND, ID, STREAMS).unwrap();
    let count = Arc::new(ShmMutex::new_in(0_u64, &*heap));
    let task = |_| {
        let count = Arc::clone(&count);
        move || {
            for _ in 0..TURNS {
                let mut count = count.lock_timeout(LONG).expect("the holder goes on");
                let seen = *count;
                switch(model, 3);
                *count = seen + 1;
            }
        }
    };
    runtime.run(1, tasks(THREADS as usize, task));
    assert_eq!(*count.lock().unwrap(), THREADS * TURNS);
}

fn who_waits_is_woken(runtime: &Runtime, model: ArgobotsModel) {
    let word = Arc::new(AtomicUsize::new(0));
    let is_other_done = Arc::new(AtomicBool::new(false));
    let waits = {
        let (word, is_other_done) = (Arc::clone(&word), Arc::clone(&is_other_done));
        move || {
            while word.load(Acquire) == 0 {
                assert!(!model.wait(&word, 0, LONG), "nobody woke it");
            }
            assert!(is_other_done.load(Relaxed), "it had the stream for itself");
        }
    };
    // Goes on only once the other sleeps, for it has been called back a good while.
    let runs = {
        let is_other_done = Arc::clone(&is_other_done);
        move || {
            switch(model, 100);
            is_other_done.store(true, Release);
        }
    };
    let wakes = {
        let (word, is_other_done) = (Arc::clone(&word), Arc::clone(&is_other_done));
        move || {
            while !is_other_done.load(Acquire) {
                thread::yield_now();
            }
            word.store(1, Release);
            model.wake(&word, 1);
        }
    };
    let wakes = thread::spawn(wakes);
    runtime.run(1, vec![Box::new(waits), Box::new(runs)]);
    wakes.join().unwrap();
}

fn sleepers_let_others_run(runtime: &Runtime, model: ArgobotsModel) {
    const NAP: Duration = Duration::from_millis(500);
    let has_run = Arc::new(AtomicBool::new(false));
    let sleeps = {
        let has_run = Arc::clone(&has_run);
        move || {
            let begun = Instant::now();
            model.sleep(NAP);
            assert!(begun.elapsed() >= NAP, "it slept less than asked for");
            assert!(has_run.load(Relaxed), "it had the stream for itself");
        }
    };
    let runs = move || has_run.store(true, Relaxed);
    runtime.run(1, vec![Box::new(sleeps), Box::new(runs)]);
}

/// What the two processes tell each other, at an address of either.
struct Meeting {
    /// The offset of a block of the other process, once there is one.
    block: AtomicUsize,
    is_watched: AtomicUsize,
}

const PEER: &str = "ANYMEM_ARGOBOTS_PEER";

/// A thread of the system in another process, which knows nothing of Argobots.
///
/// Returns whether this process is that one.
pub(crate) fn is_peer() -> bool {
    let Ok(told) = std::env::var(PEER) else { return false };
    let (name, at) = told.split_once(' ').unwrap();
    let manager = MemoryManager::new();
    manager.attach_backend::<ShmBackend>(BACKEND, name).unwrap();
    let heap = manager.attach_allocator::<ThreadLocal>(BACKEND).unwrap();
    let meeting = meeting(&*heap, Offset::new(at.parse().unwrap()));
    while meeting.is_watched.load(Acquire) == 0 {
        thread::yield_now();
    }
    let block = Block::new(&*heap, Context::DEFAULT, PASSED_ON.0, PASSED_ON.1);
    meeting.block.store(block.at.get(), Release);
    SystemModel.wake(&meeting.block, 1);
    true
}

/// The size of the block that is passed on, and the number in it.
const PASSED_ON: (usize, u8) = (300, 3);

fn meeting<A: Allocator>(heap: &A, at: Offset) -> &Meeting {
    let start = heap.resolve(at, size_of::<Meeting>()).unwrap();
    // SAFETY: both processes use it as atomic integers, which are zero at first, and it stays
    // as long as the heap.
    unsafe { start.cast().as_ref() }
}

fn other_processes_need_no_argobots(runtime: &Runtime, model: ArgobotsModel) {
    let name = format!("argobots.{}", std::process::id());
    let manager = MemoryManager::new();
    manager.create_backend::<ShmBackend>(BACKEND, Size::mib(16), &name).unwrap();
    let heap = manager.create_allocator::<UserLevel>(BACKEND, ID, STREAMS + 1).unwrap();
    let at = heap.allocate_zeroed(Context::DEFAULT, Layout::new::<Meeting>()).unwrap();
    let mut peer = Command::new(std::env::current_exe().unwrap());
    let mut peer = peer.env(PEER, format!("{name} {}", at.get())).spawn().unwrap();
    let waits = {
        let heap = Arc::clone(&heap);
        move || {
            let word = &meeting(&*heap, at).block;
            while word.load(Acquire) == 0 {
                assert!(!model.wait(word, 0, LONG), "the other process woke nobody");
            }
            let (size, number) = PASSED_ON;
            let block = Block { at: Offset::new(word.load(Relaxed)), size, number };
            block.free(&*heap, Context::DEFAULT);
        }
    };
    let runs = {
        let heap = Arc::clone(&heap);
        move || {
            switch(model, 100);
            meeting(&*heap, at).is_watched.store(1, Release);
        }
    };
    runtime.run(1, vec![Box::new(waits), Box::new(runs)]);
    assert!(peer.wait().unwrap().success());
    // SAFETY: nobody uses it any more.
    unsafe { heap.free(Context::DEFAULT, at, Layout::new::<Meeting>()) }.unwrap();
    assert_eq!(heap.stats().live_blocks, 0);
    drop(heap);
    // SAFETY: nothing in the heap is in use.
    unsafe { manager.unregister_allocator(ID) }.unwrap();
    manager.destroy_backend(BACKEND).unwrap();
}
