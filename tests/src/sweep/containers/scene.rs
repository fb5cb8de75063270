//! A heap with the world in it, as its cast has it attached.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use anymem_core::allocator::registry;
use anymem_core::allocator::{
    AllocError, Allocator, Exchange, FreeError, Registration, Stats, ThreadLocalAllocator, TlsFull,
};
use anymem_core::backend::Backend;
use anymem_core::container::{ShmBox, type_tag};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Config;
use anymem_core::thread::{Context, ThreadModel};

use super::super::cast::{Cast, Role};
use super::super::memory::{Memory, Window};
use super::super::stage::SHIFT;
use super::world::World;

/// The name of the world.
const WORLD: &str = "world";

/// The name of a further root.
const OTHER: &str = "other";

type Heap<'a> = ThreadLocalAllocator<Window<'a>, Cast, SHIFT>;

/// A heap whose containers find it, with a slot for each role.
pub(super) struct Scene<'a> {
    pub(super) heap: Heap<'a>,
    contexts: [Cell<Context>; Role::COUNT],
    registration: Option<Registration>,
}

// SAFETY: a scene is used by one thread: each process of a sweep has but one.
unsafe impl Sync for Scene<'_> {}
// SAFETY: as above.
unsafe impl Send for Scene<'_> {}

impl<'a> Scene<'a> {
    /// Bytes of a memory for it.
    pub(super) const BYTES: usize = 640 << 10;

    /// A fresh heap in `memory`, with an empty world. Whoever acts is the
    /// victim, and has a slot.
    pub(super) fn new(memory: &'a Memory) -> Box<Self> {
        // Sweeps of several threads have a heap each.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = AllocatorId::new(4712, NEXT.fetch_add(1, Ordering::Relaxed));
        let config = Config::new(id).slots(Role::COUNT);
        let window = Window::new(memory, 0);
        let heap = Heap::create(window, Cast::new(Role::Victim), &config).expect("room");
        let contexts = [const { Cell::new(Context::DEFAULT) }; Role::COUNT];
        let mut scene = Box::new(Self { heap, contexts, registration: None });
        scene.attach(window);
        scene.enter(Role::Victim);
        let world = ShmBox::new_in(World::new(&*scene), &*scene).expect("room");
        // SAFETY: a world is there, and is given up.
        unsafe {
            scene.heap.roots().bind(WORLD, &type_tag::<World>(), world.shm_ptr().ptr.offset())
        }
        .expect("a new name");
        let _ = world.into_shm_ptr();
        scene
    }

    /// Makes the heap known by its id.
    fn attach(&mut self, window: Window<'a>) {
        let (base, len) = (window.base(), window.len());
        // SAFETY: the scene stays where it is, in its box, and takes the
        // registration away when it is dropped; nothing in the heap is in use
        // then.
        unsafe {
            let heap: NonNull<dyn Allocator + '_> = NonNull::from(&*self);
            let heap: NonNull<dyn Allocator + 'static> = std::mem::transmute(heap);
            let registration = Registration::new(heap.as_ref(), base, len);
            let registration = self.registration.insert(registration);
            registry::register(NonNull::from(registration)).expect("an id of its own");
        }
    }

    pub(super) fn cast(&self) -> &Cast {
        self.heap.segment().model()
    }

    /// From here on `role` acts, with a slot.
    pub(super) fn enter(&self, role: Role) {
        self.cast().act_as(role);
        self.contexts[role as usize].set(self.heap.create_tls().expect("a slot"));
    }

    /// The world.
    pub(super) fn world(&self) -> &World {
        // SAFETY: nobody changes it meanwhile.
        unsafe { self.world_at().as_ref() }
    }

    /// The world, to be changed by who acts.
    #[expect(clippy::mut_from_ref, reason = "the world is in the heap, not in the scene")]
    pub(super) fn world_mut(&self) -> &mut World {
        // SAFETY: nobody else acts, and operations take it once at a time.
        unsafe { self.world_at().as_mut() }
    }

    fn world_at(&self) -> NonNull<World> {
        let at = self.heap.roots().find(WORLD, &type_tag::<World>()).expect("bound");
        self.heap.resolve(at, size_of::<World>()).expect("inside").cast()
    }

    /// Names a value.
    pub(super) fn bind_other(&self, number: u64) {
        let value = ShmBox::new_in(number, self).expect("room");
        // SAFETY: a number is there, and is given up.
        unsafe { self.heap.roots().bind(OTHER, &type_tag::<u64>(), value.shm_ptr().ptr.offset()) }
            .expect("a new name");
        let _ = value.into_shm_ptr();
    }

    /// Takes the name away, and drops the value.
    pub(super) fn unbind_other(&self) {
        let at = self.heap.roots().unbind(OTHER, &type_tag::<u64>()).expect("bound");
        drop(self.boxed::<u64>(at));
    }

    /// The named value, if there is one.
    pub(super) fn other(&self) -> Option<u64> {
        let at = self.heap.roots().find(OTHER, &type_tag::<u64>()).ok()?;
        let number = self.boxed::<u64>(at);
        Some(*std::mem::ManuallyDrop::new(number).get().expect("inside"))
    }

    /// Drops everything.
    pub(super) fn end_world(&self) {
        if self.other().is_some() {
            self.unbind_other();
        }
        let at = self.heap.roots().unbind(WORLD, &type_tag::<World>()).expect("bound");
        drop(self.boxed::<World>(at));
    }

    fn boxed<T: anymem_core::container::ShmSafe>(&self, at: Offset) -> ShmBox<T> {
        let ptr = anymem_core::offset::ShmPtr::new(self.id(), at);
        // SAFETY: a box was given up there, and roots lead nobody else here.
        unsafe { ShmBox::from_shm_ptr(ptr) }.expect("inside")
    }

    /// The slot of who acts, for who names none.
    fn context(&self, given: Context) -> Context {
        let acting = self.cast().owner().pid as usize;
        if self.heap.local(given).is_some() { given } else { self.contexts[acting].get() }
    }
}

impl Drop for Scene<'_> {
    fn drop(&mut self) {
        if let Some(registration) = &self.registration {
            registry::unregister(NonNull::from(registration));
        }
    }
}

// SAFETY: every block is the heap's, which keeps the contract.
unsafe impl Allocator for Scene<'_> {
    fn id(&self) -> AllocatorId {
        self.heap.id()
    }

    fn thread_model(&self) -> &dyn ThreadModel {
        self.heap.thread_model()
    }

    fn create_tls(&self) -> Result<Context, TlsFull> {
        self.heap.create_tls()
    }

    unsafe fn free_tls(&self, context: Context) {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.free_tls(context) };
    }

    fn allocate(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.heap.allocate(self.context(context), layout)
    }

    fn allocate_growing(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.heap.allocate_growing(self.context(context), layout)
    }

    unsafe fn grow(&self, context: Context, at: Offset, layout: Layout, new_size: usize) -> bool {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.grow(self.context(context), at, layout, new_size) }
    }

    unsafe fn free(&self, context: Context, at: Offset, layout: Layout) -> Result<(), FreeError> {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.free(self.context(context), at, layout) }
    }

    unsafe fn exchange(
        &self,
        context: Context,
        exchange: &Exchange,
        fill: &mut dyn FnMut(NonNull<u8>),
    ) -> Result<Offset, AllocError> {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.exchange(self.context(context), exchange, fill) }
    }

    fn recover(&self) -> usize {
        self.heap.recover()
    }

    fn usable_size_of(&self, at: Offset) -> Option<usize> {
        self.heap.usable_size_of(at)
    }

    unsafe fn usable_size(&self, at: Offset, layout: Layout) -> usize {
        // SAFETY: passed on from the caller.
        unsafe { self.heap.usable_size(at, layout) }
    }

    fn resolve(&self, at: Offset, size: usize) -> Option<NonNull<u8>> {
        self.heap.resolve(at, size)
    }

    fn offset_of(&self, ptr: NonNull<u8>) -> Option<Offset> {
        self.heap.offset_of(ptr)
    }

    fn stats(&self) -> Stats {
        self.heap.stats()
    }
}
