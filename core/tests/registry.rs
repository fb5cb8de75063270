//! The registry of heaps: one is found while others of the same hash come and go, whose
//! registrations are freed at once.

use std::alloc::Layout;
use std::hint;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anymem_core::allocator::registry::{self, RegisterError};
use anymem_core::allocator::{AllocError, Allocator, FreeError, Registration, Stats, TlsFull};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::thread::{Bare, Context, ThreadModel};

const ROUNDS: usize = if cfg!(miri) { 30 } else { 10_000 };

/// A heap that only has an id.
struct Named(AllocatorId);

// SAFETY: it never hands out a block.
unsafe impl Allocator for Named {
    fn id(&self) -> AllocatorId {
        self.0
    }
    fn thread_model(&self) -> &dyn ThreadModel {
        &Bare
    }
    fn create_tls(&self) -> Result<Context, TlsFull> {
        Ok(Context::DEFAULT)
    }
    unsafe fn free_tls(&self, _: Context) {}
    fn allocate(&self, _: Context, layout: Layout) -> Result<Offset, AllocError> {
        Err(AllocError::Full { requested: layout.size() })
    }
    unsafe fn reallocate(
        &self,
        context: Context,
        _: Offset,
        layout: Layout,
        _: usize,
    ) -> Result<Offset, AllocError> {
        self.allocate(context, layout)
    }
    unsafe fn free(&self, _: Context, _: Offset, _: Layout) -> Result<(), FreeError> {
        Ok(())
    }
    fn usable_size_of(&self, _: Offset) -> Option<usize> {
        None
    }
    unsafe fn usable_size(&self, _: Offset, layout: Layout) -> usize {
        layout.size()
    }
    fn resolve(&self, _: Offset, _: usize) -> Option<NonNull<u8>> {
        None
    }
    fn offset_of(&self, _: NonNull<u8>) -> Option<Offset> {
        None
    }
    fn stats(&self) -> Stats {
        Stats::default()
    }
}

#[repr(align(64))]
struct Span([u8; 256]);

/// A heap that can be attached.
struct Heap {
    named: &'static Named,
    span: &'static Span,
    registration: Box<MaybeUninit<Registration>>,
}

impl Heap {
    fn new(id: AllocatorId) -> Self {
        let named = Box::leak(Box::new(Named(id)));
        let span = Box::leak(Box::new(Span([0; 256])));
        Self { named, span, registration: Box::new_uninit() }
    }

    fn address(&self) -> *const u8 {
        self.span.0.as_ptr()
    }

    /// Whether that is what was found.
    fn is(&self, found: Option<&Registration>) -> bool {
        let start = NonNull::new(self.address().cast_mut());
        found.is_some_and(|found| found.id() == self.named.0 && found.resolve(0, 1) == start)
    }

    fn attach(&mut self) -> Result<(), RegisterError> {
        let registration = self.describe(self.named);
        // SAFETY: it stays valid until `detach`; each test looks for heaps only while it
        // knows that they are attached.
        unsafe { registry::register(registration) }
    }

    /// Detaches the heap and frees its registration, which looks like one of the heap
    /// `lure` by then, with another span.
    fn detach(&mut self, lure: &'static Named) {
        let registration = NonNull::from(&mut *self.registration).cast();
        assert!(registry::unregister(registration), "it is attached");
        self.describe(lure);
        self.registration = Box::new_uninit();
    }

    fn describe(&mut self, named: &'static Named) -> NonNull<Registration> {
        let base = NonNull::from(self.span).cast();
        // SAFETY: the heap and its span are leaked, and aligned.
        let registration = unsafe { Registration::new(named, base, size_of::<Span>()) };
        NonNull::from(self.registration.write(registration))
    }
}

/// Where the table looks first for an id.
fn hash(id: AllocatorId) -> usize {
    let word = u64::from(id.minor) << 32 | u64::from(id.major);
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % registry::CAPACITY
}

/// Ids that are looked for in the same place first.
fn colliding(major: u32) -> impl Iterator<Item = AllocatorId> {
    let ids = (0..).map(move |minor| AllocatorId::new(major, minor));
    ids.filter(move |id| hash(*id) == hash(AllocatorId::new(major, 0)))
}

#[test]
fn heaps_are_found_while_others_come_and_go() {
    let mut ids = colliding(71);
    let (mut first, mut kept) = (Heap::new(ids.next().unwrap()), Heap::new(ids.next().unwrap()));
    let others: Vec<_> = ids.take(2).collect();
    first.attach().unwrap();
    kept.attach().unwrap();
    // From here on there is a place before that of the one that is looked for.
    first.detach(kept.named);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    assert!(kept.is(registry::find(kept.named.0)), "another was followed");
                    let found = registry::find_by_address(kept.address());
                    assert!(kept.is(found), "another was followed");
                    hint::spin_loop();
                }
            });
        }
        let lure = kept.named;
        let come_and_go = |id| {
            scope.spawn(move || {
                let mut heap = Heap::new(id);
                for _ in 0..ROUNDS {
                    heap.attach().unwrap();
                    heap.detach(lure);
                }
            })
        };
        let changing: Vec<_> = others.into_iter().map(come_and_go).collect();
        let ended: Vec<_> = changing.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        ended.into_iter().for_each(|ended| ended.unwrap());
    });
    kept.detach(kept.named);
    assert!(registry::find(kept.named.0).is_none(), "it is gone");
}

#[test]
fn one_of_those_with_the_same_id_is_attached() {
    const TIMES: usize = ROUNDS / 10;
    let mut ids = colliding(72);
    let (before, id) = (ids.next().unwrap(), ids.next().unwrap());
    let (meet, attached, mut one) = (Barrier::new(3), AtomicUsize::new(0), 0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut heap = Heap::new(id);
                for _ in 0..TIMES {
                    meet.wait();
                    let is_attached = heap.attach().is_ok();
                    attached.fetch_add(usize::from(is_attached), Ordering::Relaxed);
                    meet.wait();
                    meet.wait();
                    if is_attached {
                        heap.detach(heap.named);
                    }
                }
            });
        }
        let mut first = Heap::new(before);
        for _ in 0..TIMES {
            // Without a panic, for which the others would wait.
            let is_there = first.attach().is_ok();
            meet.wait();
            // A place before theirs becomes vacant while they take theirs.
            if is_there {
                first.detach(first.named);
            }
            meet.wait();
            one += usize::from(is_there && attached.swap(0, Ordering::Relaxed) == 1);
            meet.wait();
        }
    });
    assert_eq!(one, TIMES, "one heap of an id is attached");
}

#[test]
fn a_heap_that_is_not_attached_is_neither_found_nor_removed() {
    let id = AllocatorId::new(73, 1);
    let mut heap = Heap::new(id);
    assert!(registry::find(id).is_none());
    assert!(!registry::unregister(NonNull::from(&mut *heap.registration).cast()));
    heap.attach().unwrap();
    assert!(heap.is(registry::find_by_address(heap.address().wrapping_add(255))));
    let mut same = Heap::new(id);
    assert_eq!(same.attach(), Err(RegisterError::IdTaken(id)));
    let address = heap.address();
    heap.detach(heap.named);
    assert!(registry::find(id).is_none());
    assert!(registry::find_by_address(address).is_none());
    same.attach().unwrap();
    same.detach(same.named);
}
