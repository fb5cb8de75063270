//! A heap that is trivially correct, and processes that can die: what the
//! container tests stand on.
#![allow(dead_code, missing_docs, unreachable_pub, missing_debug_implementations)]
#![allow(clippy::undocumented_unsafe_blocks, clippy::std_instead_of_core)]
#![allow(clippy::std_instead_of_alloc)]

pub mod bare;

use std::alloc::{Layout, alloc, dealloc};
use std::cell::Cell;
use std::collections::{BTreeMap, HashSet};
use std::ptr::NonNull;
use std::sync::atomic::{
    AtomicBool, AtomicIsize, AtomicPtr, AtomicU8, AtomicU32, AtomicUsize, Ordering,
};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use anymem_core::allocator::registry;
use anymem_core::allocator::{AllocError, Allocator, FreeError, Registration, Stats, TlsFull};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::thread::{Context, Liveness, Owner, ThreadId, ThreadModel};

/// Alignment of the buffer, as of a mapping.
const PAGE: usize = 4096;

thread_local! {
    /// The process that this thread plays.
    static ME: Cell<Owner> = const { Cell::new(Owner { pid: 100, start: 7 }) };
}

/// Lets the calling thread play the process `pid`.
pub fn play(pid: u32) -> Owner {
    let owner = Owner { pid, start: 7 };
    ME.set(owner);
    owner
}

/// Knows who is dead: everyone not known to be alive.
#[derive(Debug, Default)]
pub struct Processes {
    alive: Mutex<HashSet<u32>>,
}

impl Processes {
    pub fn new(alive: impl IntoIterator<Item = u32>) -> Self {
        Self { alive: Mutex::new(alive.into_iter().collect()) }
    }

    pub fn kill(&self, pid: u32) {
        locked(&self.alive).remove(&pid);
    }

    pub fn revive(&self, pid: u32) {
        locked(&self.alive).insert(pid);
    }
}

impl Liveness for Processes {
    fn is_alive(&self, owner: Owner) -> bool {
        owner.start == 7 && locked(&self.alive).contains(&owner.pid)
    }
}

impl ThreadModel for Processes {
    fn thread_id(&self) -> ThreadId {
        ThreadId(0)
    }
    fn owner(&self) -> Owner {
        ME.get()
    }
    fn yield_now(&self) {
        std::thread::yield_now();
    }
    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
    fn panicking(&self) -> bool {
        std::thread::panicking()
    }
}

/// Locks without waiting inside std, which ThreadSanitizer does not see into.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    loop {
        if let Ok(guard) = mutex.try_lock() {
            return guard;
        }
        std::thread::yield_now();
    }
}

/// What allocates in the buffer; its books are outside.
pub struct Inner {
    id: AllocatorId,
    base: AtomicPtr<u8>,
    len: usize,
    live: Mutex<BTreeMap<usize, Layout>>,
    /// Allocations until one fails; negative for never.
    until_failure: AtomicIsize,
    /// Calls until the calling thread stops for ever; negative for never.
    until_death: AtomicIsize,
    dead: AtomicBool,
    bad_frees: AtomicUsize,
    allocations: AtomicUsize,
    pub processes: Processes,
}

impl Inner {
    fn step(&self) {
        let before = self.until_death.fetch_sub(1, Ordering::SeqCst);
        if before < 0 {
            self.until_death.store(-1, Ordering::SeqCst);
        } else if before == 0 {
            self.dead.store(true, Ordering::SeqCst);
            loop {
                std::thread::park();
            }
        }
    }

    fn fails(&self) -> bool {
        let before = self.until_failure.fetch_sub(1, Ordering::SeqCst);
        if before < 0 {
            self.until_failure.store(-1, Ordering::SeqCst);
        }
        before == 0
    }
}

unsafe impl Allocator for Inner {
    fn id(&self) -> AllocatorId {
        self.id
    }
    fn thread_model(&self) -> &dyn ThreadModel {
        &self.processes
    }
    fn create_tls(&self) -> Result<Context, TlsFull> {
        Ok(Context::DEFAULT)
    }
    unsafe fn free_tls(&self, _: Context) {}

    fn allocate(&self, _: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.step();
        let full = AllocError::Full { requested: layout.size() };
        if self.fails() {
            return Err(full);
        }
        self.allocations.fetch_add(1, Ordering::Relaxed);
        let mut live = locked(&self.live);
        // First fit, with a red zone after each block.
        let mut at = 64_usize.next_multiple_of(layout.align());
        for (&start, block) in live.iter() {
            if start >= at && start - at >= layout.size() + 16 {
                break;
            }
            at = (start + block.size() + 16).next_multiple_of(layout.align());
        }
        if at.checked_add(layout.size()).is_none_or(|end| end > self.len) {
            return Err(full);
        }
        live.insert(at, layout);
        let place = self.resolve(Offset::new(at), layout.size()).unwrap();
        unsafe { fill(place, 0xaa, layout.size()) };
        Ok(Offset::new(at))
    }

    unsafe fn free(&self, _: Context, at: Offset, layout: Layout) -> Result<(), FreeError> {
        self.step();
        let mut live = locked(&self.live);
        if live.get(&at.get()) != Some(&layout) {
            self.bad_frees.fetch_add(1, Ordering::Relaxed);
            return Err(FreeError::NotABlock);
        }
        live.remove(&at.get());
        // Whoever still uses it reads nonsense.
        let place = self.resolve(at, layout.size()).unwrap();
        unsafe { fill(place, 0xdd, layout.size()) };
        Ok(())
    }

    unsafe fn usable_size(&self, _: Offset, layout: Layout) -> usize {
        layout.size()
    }

    fn usable_size_of(&self, at: Offset) -> Option<usize> {
        locked(&self.live).get(&at.get()).map(Layout::size)
    }

    fn resolve(&self, at: Offset, size: usize) -> Option<NonNull<u8>> {
        let end = at.get().checked_add(size)?;
        let base = NonNull::new(self.base.load(Ordering::Relaxed))?;
        (end <= self.len).then(|| unsafe { base.add(at.get()) })
    }

    fn offset_of(&self, ptr: NonNull<u8>) -> Option<Offset> {
        let base = self.base.load(Ordering::Relaxed).addr();
        let distance = ptr.addr().get().wrapping_sub(base);
        (distance < self.len).then(|| Offset::new(distance))
    }

    fn stats(&self) -> Stats {
        Stats { live_blocks: self.live_blocks(), ..Stats::EMPTY }
    }
}

impl Inner {
    pub fn live_blocks(&self) -> usize {
        locked(&self.live).len()
    }
    pub fn bad_frees(&self) -> usize {
        self.bad_frees.load(Ordering::Relaxed)
    }
    pub fn allocations(&self) -> usize {
        self.allocations.load(Ordering::Relaxed)
    }
    /// Makes the allocation after the next `n` fail.
    pub fn fail_after(&self, n: usize) {
        self.until_failure.store(n as isize, Ordering::SeqCst);
    }
    pub fn never_fail(&self) {
        self.until_failure.store(-1, Ordering::SeqCst);
    }
    /// Makes the thread that calls the heap after the next `n` calls stop for
    /// ever.
    pub fn die_after(&self, n: usize) {
        self.dead.store(false, Ordering::SeqCst);
        self.until_death.store(n as isize, Ordering::SeqCst);
    }
    pub fn never_die(&self) {
        self.until_death.store(-1, Ordering::SeqCst);
    }
    /// Whether a thread stopped.
    pub fn died(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}

/// A heap over a buffer, attached in this process for as long as it lives.
pub struct TestHeap {
    inner: Box<Inner>,
    registration: Option<Box<Registration>>,
    old: Vec<AtomicPtr<u8>>,
}

/// Fills a block. Readers that find out afterwards that it is not what they wanted any more may
/// still be at it, with atomic loads.
unsafe fn fill(block: NonNull<u8>, byte: u8, len: usize) {
    for at in 0..len {
        unsafe { AtomicU8::from_ptr(block.as_ptr().add(at)) }.store(byte, Ordering::Relaxed);
    }
}

impl TestHeap {
    pub fn new(len: usize) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        // Far apart, so that a damaged id is not that of another test's heap.
        let id = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b1);
        let id = AllocatorId::new(id.rotate_left(7) ^ 0x7e57_7e57, id);
        let inner = Box::new(Inner {
            id,
            base: AtomicPtr::new(buffer(len)),
            len,
            live: Mutex::default(),
            until_failure: AtomicIsize::new(-1),
            until_death: AtomicIsize::new(-1),
            dead: AtomicBool::new(false),
            bad_frees: AtomicUsize::new(0),
            allocations: AtomicUsize::new(0),
            processes: Processes::new([100, 101, 102, 103]),
        });
        let mut heap = Self { inner, registration: None, old: Vec::new() };
        heap.attach();
        heap
    }

    pub fn attach(&mut self) {
        let base = NonNull::new(self.inner.base.load(Ordering::Relaxed)).unwrap();
        let registration =
            Box::new(unsafe { Registration::new(&*self.inner, base, self.inner.len) });
        unsafe { registry::register(NonNull::from(&*registration)) }.unwrap();
        self.registration = Some(registration);
    }

    pub fn detach(&mut self) {
        if let Some(registration) = self.registration.take() {
            assert!(registry::unregister(NonNull::from(&*registration)));
            // A registration outlives whoever may have found it.
            Box::leak(registration);
        }
    }

    /// Moves the heap to another address, as another process would see it.
    pub fn relocate(&mut self) {
        self.detach();
        let (old, new) = (self.inner.base.load(Ordering::Relaxed), buffer(self.inner.len));
        unsafe { new.copy_from_nonoverlapping(old, self.inner.len) };
        unsafe { old.write_bytes(0xee, self.inner.len) };
        self.old.push(AtomicPtr::new(old));
        self.inner.base.store(new, Ordering::Relaxed);
        self.attach();
    }

    /// The heap's bytes.
    pub fn bytes(&mut self) -> &mut [u8] {
        let base = self.inner.base.load(Ordering::Relaxed);
        unsafe { std::slice::from_raw_parts_mut(base, self.inner.len) }
    }

    /// Asserts that everything was freed, once.
    pub fn assert_empty(&self) {
        assert_eq!(self.live_blocks(), 0, "blocks leaked");
        assert_eq!(self.bad_frees(), 0, "blocks freed that were none");
    }
}

impl std::ops::Deref for TestHeap {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl Drop for TestHeap {
    fn drop(&mut self) {
        self.detach();
        self.old.push(AtomicPtr::new(self.inner.base.load(Ordering::Relaxed)));
        for buffer in self.old.drain(..).map(AtomicPtr::into_inner) {
            unsafe { dealloc(buffer, Layout::from_size_align(self.inner.len, PAGE).unwrap()) };
        }
    }
}

fn buffer(len: usize) -> *mut u8 {
    let made = unsafe { alloc(Layout::from_size_align(len, PAGE).unwrap()) };
    assert!(!made.is_null());
    unsafe { made.write_bytes(0x55, len) };
    made
}
