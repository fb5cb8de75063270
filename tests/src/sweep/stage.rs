//! A heap with its cast, and the calls that are noted down.

use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::NonNull;

use anymem_core::allocator::{AllocError, Allocator, Exchange, FreeError, ThreadLocalAllocator};
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::{AttachError, Config};
use anymem_core::thread::Context;

use super::cast::{Cast, Role};
use super::ledger::{Call, Ledger};
use super::memory::{Memory, Window};

/// Binary logarithm of the slab size: pages, so that there are many slabs in a
/// small heap.
pub(super) const SHIFT: u32 = 12;

/// Bytes of a slab.
pub(super) const SLAB: usize = 1 << SHIFT;

pub(super) type Heap<'a> = ThreadLocalAllocator<Window<'a>, Cast, SHIFT>;

/// How the heaps are made.
const CONFIG: Config = Config::new(AllocatorId::new(0, 4711)).slots(Role::COUNT);

/// A heap, played on by the roles of a cast.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) heap: Heap<'a>,
    pub(super) ledger: Ledger<'a>,
    contexts: [Cell<Context>; Role::COUNT],
}

impl<'a> Stage<'a> {
    /// Bytes of a memory for it.
    pub(super) const BYTES: usize = Ledger::BYTES + (640 << 10);

    /// A fresh heap in `memory`, which `role` makes.
    pub(super) fn new(memory: &'a Memory, role: Role) -> Self {
        let heap = Heap::create(Self::window(memory), Cast::new(role), &CONFIG);
        Self::of(heap.expect("room for a heap"), memory)
    }

    /// The heap that is in `memory`, for the survivor of `dead` roles.
    pub(super) fn attach(memory: &'a Memory, dead: &[Role]) -> Result<Self, AttachError> {
        let cast = Cast::new(Role::Survivor);
        dead.iter().for_each(|&role| cast.bury(role));
        Heap::attach(Self::window(memory), cast).map(|heap| Self::of(heap, memory))
    }

    fn of(heap: Heap<'a>, memory: &'a Memory) -> Self {
        let contexts = [const { Cell::new(Context::DEFAULT) }; Role::COUNT];
        Self { heap, ledger: Ledger::new(memory), contexts }
    }

    fn window(memory: &'a Memory) -> Window<'a> {
        Window::new(memory, Ledger::BYTES)
    }

    /// Bytes from the start of the memory up to the first block.
    pub(super) fn metadata(&self) -> usize {
        let first = self.heap.segment().geometry().slab_start(0);
        Ledger::BYTES + first.get()
    }

    pub(super) fn cast(&self) -> &Cast {
        self.heap.segment().model()
    }

    /// Gives `role` a slot.
    pub(super) fn enter(&self, role: Role) {
        self.cast().act_as(role);
        self.contexts[role as usize].set(self.heap.create_tls().expect("a slot"));
    }

    /// Takes `role` its slot.
    pub(super) fn leave(&self, role: Role) {
        let context = self.contexts[role as usize].take();
        // SAFETY: `role` forgets its slot, and had it from `enter`.
        self.other(role, || unsafe { self.heap.free_tls(context) });
    }

    /// The slot of `role`, if it has one.
    pub(super) fn context(&self, role: Role) -> Context {
        self.contexts[role as usize].get()
    }

    /// Whether `role` has a slot.
    pub(super) fn has_slot(&self, role: Role) -> bool {
        self.heap.local(self.context(role)).is_some()
    }

    /// Allocates a block and fills it.
    pub(super) fn allocate(&self, role: Role, size: usize) -> Result<usize, AllocError> {
        self.cast().act_as(role);
        let number = self.ledger.begin(Call::Allocate(size));
        let block = self.heap.allocate(self.context(role), layout(size));
        self.finish(number, size, block)
    }

    /// Allocates so many blocks.
    pub(super) fn allocate_all(&self, role: Role, size: usize, count: usize) -> Vec<usize> {
        (0..count).map(|_| self.allocate(role, size).expect("room")).collect()
    }

    /// Frees a block of `size` bytes.
    pub(super) fn free(&self, role: Role, block: usize, size: usize) {
        self.cast().act_as(role);
        let number = self.ledger.begin(Call::Free(block));
        self.free_unnoted(role, block, size).expect("a live block");
        self.ledger.end(number, None);
    }

    /// As [`free`](Self::free), by a role with a slot, which does not say how many
    /// bytes the block has.
    pub(super) fn free_by_address(&self, role: Role, block: usize) {
        self.cast().act_as(role);
        let number = self.ledger.begin(Call::Free(block));
        let local = self.heap.local(self.context(role)).expect("a slot");
        let start = self.heap.resolve(Offset::new(block), 1).expect("inside");
        // SAFETY: roles only do this with live blocks.
        unsafe { local.free_unsized(start) }.expect("a live block");
        self.ledger.end(number, None);
    }

    /// As [`free`](Self::free), not noted down.
    pub(super) fn free_unnoted(
        &self,
        role: Role,
        block: usize,
        size: usize,
    ) -> Result<(), FreeError> {
        // SAFETY: no role uses a block for anything but to see whether it is
        // intact; what is not live is refused, or counted.
        unsafe { self.heap.free(self.context(role), Offset::new(block), layout(size)) }
    }

    /// Makes a block of `size` bytes `new` bytes long.
    pub(super) fn reallocate(
        &self,
        role: Role,
        block: usize,
        size: usize,
        new: usize,
    ) -> Result<usize, AllocError> {
        self.cast().act_as(role);
        let number = self.ledger.begin(Call::Reallocate(block, new));
        let (at, context) = (Offset::new(block), self.context(role));
        // SAFETY: roles only do this with live blocks of that size.
        let moved = unsafe { self.heap.reallocate(context, at, layout(size), new) };
        self.finish(number, new, moved)
    }

    /// Allocates a word that names no block.
    pub(super) fn link(&self, role: Role) -> usize {
        self.cast().act_as(role);
        let number = self.ledger.begin(Call::Link);
        let at = self.heap.allocate_zeroed(self.context(role), Layout::new::<usize>());
        let at = at.expect("room").get();
        self.ledger.end(number, Some(at));
        at
    }

    /// Has a link name a block of `new` bytes instead of one of `old`; 0 is none.
    pub(super) fn exchange(&self, role: Role, link: usize, old: usize, new: usize) {
        self.cast().act_as(role);
        let number = self.ledger.begin(Call::Exchange(link, new));
        let named = Offset::new(self.linked(link));
        let exchange = Exchange {
            word: None,
            link: Offset::new(link),
            old: (old != 0).then_some((named, layout(old))),
            new: (new != 0).then_some(layout(new)),
            tag: 0,
        };
        let fill = |block: NonNull<u8>| {
            // SAFETY: the block is `new` bytes long and nobody else's.
            unsafe { block.write_bytes(Ledger::tag(number), new) };
        };
        // SAFETY: the link is the caller's, and what it names as long as it said.
        let done = unsafe { self.heap.exchange(self.context(role), &exchange, &mut { fill }) };
        let at = done.expect("room");
        self.ledger.end(number, (!at.is_null()).then_some(at.get()));
    }

    /// What a link names, or 0.
    pub(super) fn linked(&self, link: usize) -> usize {
        let word = self.heap.resolve(Offset::new(link), size_of::<usize>()).expect("inside");
        // SAFETY: a word of the heap, which nobody changes meanwhile.
        unsafe { word.cast::<usize>().read() }
    }

    /// Makes a call that gives and takes no block.
    pub(super) fn other(&self, role: Role, call: impl FnOnce()) {
        self.cast().act_as(role);
        let number = self.ledger.begin(Call::Other);
        call();
        self.ledger.end(number, None);
    }

    fn finish(
        &self,
        number: usize,
        size: usize,
        block: Result<Offset, AllocError>,
    ) -> Result<usize, AllocError> {
        if let Ok(at) = block {
            self.fill(at.get(), size, Ledger::tag(number));
        }
        self.ledger.end(number, block.ok().map(Offset::get));
        block.map(Offset::get)
    }

    /// Fills a block that the caller just got.
    pub(super) fn fill(&self, block: usize, size: usize, tag: u8) {
        crate::heap::fill(&self.heap, Offset::new(block), size, tag);
    }

    /// Whether a live block holds nothing but `tag`.
    pub(super) fn is_filled(&self, block: usize, size: usize, tag: u8) -> bool {
        let bytes = crate::heap::bytes(&self.heap, Offset::new(block), size);
        bytes.iter().all(|&byte| byte == tag)
    }
}

/// What a block of `size` bytes is asked for with.
pub(super) fn layout(size: usize) -> Layout {
    crate::heap::layout(size, 8)
}
