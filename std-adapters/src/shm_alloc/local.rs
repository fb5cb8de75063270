//! The calling thread's way into the process's heap.
//!
//! # Invariants
//!
//! - `LOCAL` of a thread names what a `ShmAlloc` made only while `heap` is
//!   initialised and the thread holds a slot in it.
//! - What a `ShmAlloc` made lives for ever.
//! - `copy` is null or points to a place of the thread's own that holds
//!   `heap`'s address while the thread is bound, and null otherwise.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use anymem_core::allocator::{Allocator, LocalHeap};
use anymem_core::thread::Context;

use super::made::Made;
use super::model::ProcessModel;
use crate::backend::AnyBackend;
use crate::thread::hooks::Hook;
use crate::thread::{exit, fork};

/// A thread's way into the heap of its process.
pub type ThreadHeap = LocalHeap<'static, AnyBackend, ProcessModel, 16>;

/// Where somebody keeps a thread's way into the heap; null while there is none.
pub type ThreadHeapPlace = Cell<*const ThreadHeap>;

static FORGET: Hook = Hook::new(forget_process);
static LEAVE: Hook = Hook::new(leave);

/// Calls without a slot until a thread asks for one again.
const PATIENCE: u32 = 1024;

/// Not null, so that it differs from what a heap has that is not made yet.
const NOBODY: *const Made = ptr::without_provenance(align_of::<Made>());

struct Local {
    /// Whose the heap is; [`NOBODY`] if the thread is not bound.
    owner: Cell<*const Made>,
    heap: UnsafeCell<MaybeUninit<ThreadHeap>>,
    /// Who else wants to know where the heap is.
    copy: Cell<*const ThreadHeapPlace>,
    context: Cell<Context>,
    /// Whether the thread is making a heap or claiming a slot.
    aside: Cell<bool>,
    /// Whether the thread was told that it ends.
    leaving: Cell<bool>,
    patience: Cell<u32>,
}

thread_local! {
    static LOCAL: Local = const {
        Local {
            owner: Cell::new(NOBODY),
            heap: UnsafeCell::new(MaybeUninit::uninit()),
            copy: Cell::new(ptr::null()),
            context: Cell::new(Context::DEFAULT),
            aside: Cell::new(false),
            leaving: Cell::new(false),
            patience: Cell::new(0),
        }
    };
}

/// Whether a fork made this process, and nobody has looked after its parent's
/// slots yet.
static FORKED: AtomicBool = AtomicBool::new(false);

/// Calls `call` with the calling thread's way into what `owner` points to, if
/// it is bound to that.
#[inline(always)]
pub(super) fn with<R>(owner: &AtomicPtr<Made>, call: impl FnOnce(&ThreadHeap) -> R) -> Option<R> {
    // Only its address comes out of the closure, so that this is no call.
    let local = LOCAL.with(ptr::from_ref);
    // SAFETY: it has no destructor, so it lives until the thread has ended.
    let local = unsafe { &*local };
    // Relaxed: a thread that is bound has seen what the pointer points to.
    if !ptr::eq(local.owner.get(), owner.load(Ordering::Relaxed)) {
        return None;
    }
    // SAFETY: the owner is named, so the heap is initialised (module
    // invariant); it is only replaced by this thread, outside of `call`.
    let heap = unsafe { (*local.heap.get()).assume_init_ref() };
    Some(call(heap))
}

/// Whether the calling thread is bound to `owner`.
pub(super) fn is_bound(owner: &'static Made) -> bool {
    LOCAL.with(|local| ptr::eq(local.owner.get(), owner))
}

/// The calling thread's context in `owner`, if it is bound.
pub(super) fn context(owner: &'static Made) -> Context {
    LOCAL.with(|local| if is_bound(owner) { local.context.get() } else { Context::DEFAULT })
}

/// Claims a slot for the calling thread; whether there was one.
pub(super) fn bind(owner: &'static Made) -> bool {
    let heap = &owner.heap;
    let Some(_aside) = Aside::enter() else { return false };
    fork::call_in_child(&FORGET);
    if LOCAL.with(|local| local.leaving.get()) || !is_patient() || !exit::hear(&LEAVE) {
        return false;
    }
    if FORKED.swap(false, Ordering::Relaxed) {
        heap.recover();
    }
    release();
    let bound = heap.create_tls().ok().and_then(|context| Some((context, heap.local(context)?)));
    let Some((context, local_heap)) = bound else { return false };
    LOCAL.with(|local| {
        // SAFETY: nobody reads it now: the thread is bound to no owner.
        unsafe { (*local.heap.get()).write(local_heap) };
        local.context.set(context);
        local.patience.set(0);
        local.owner.set(owner);
    });
    true
}

/// As [`bind`], and keeps `place` up to date from then on.
///
/// # Safety
///
/// `place` is the calling thread's own, and stays valid until the thread ends.
pub(super) unsafe fn bind_at(owner: &'static Made, place: NonNull<ThreadHeapPlace>) -> bool {
    if !is_bound(owner) && !bind(owner) {
        return false;
    }
    LOCAL.with(|local| {
        local.copy.set(place.as_ptr());
        tell(local, local.heap.get().cast());
    });
    true
}

/// Puts what the thread is bound to where somebody keeps a copy.
fn tell(local: &Local, heap: *const ThreadHeap) {
    // SAFETY: what is not null is a place of this thread's own (module
    // invariant).
    if let Some(copy) = unsafe { local.copy.get().as_ref() } {
        copy.set(heap);
    }
}

/// Whether it is time to ask for a slot; a thread that got none waits a while.
fn is_patient() -> bool {
    LOCAL.with(|local| {
        let left = local.patience.get();
        local.patience.set(if left == 0 { PATIENCE } else { left - 1 });
        left == 0
    })
}

/// Gives the calling thread's slot back for good: nobody would hear of the
/// thread's end once more, and the C library itself still frees after it.
///
/// A private heap goes with the process: then there is nothing to give back.
fn leave() {
    let is_over = |local: &Local| exit::is_of_process() && private_owner(local).is_some();
    if !LOCAL.with(is_over) {
        LOCAL.with(|local| local.leaving.set(true));
        release();
    }
}

/// Gives the calling thread's slot back, if it has one.
fn release() {
    LOCAL.with(|local| {
        tell(local, ptr::null());
        let owner = local.owner.replace(NOBODY);
        let context = local.context.replace(Context::DEFAULT);
        if !ptr::eq(owner, NOBODY) {
            // SAFETY: what is named lives for ever; the only copy of the
            // context was just taken out.
            unsafe { (*owner).heap.free_tls(context) };
        }
    });
}

/// Drops what is the parent's, in a forked child.
fn forget_process() {
    FORKED.store(true, Ordering::Relaxed);
    LOCAL.with(|local| {
        if let Some(owner) = private_owner(local) {
            // The heap is a copy, and the thread goes on in it.
            return owner.heap.inherit(local.context.get());
        }
        tell(local, ptr::null());
        local.owner.set(NOBODY);
        local.context.set(Context::DEFAULT);
        local.patience.set(0);
    });
}

/// What the thread is bound to, if no other process has it.
fn private_owner(local: &Local) -> Option<&'static Made> {
    let owner = local.owner.get();
    // SAFETY: what is named lives for ever.
    let owner = (!ptr::eq(owner, NOBODY)).then(|| unsafe { &*owner })?;
    owner.heap.segment().model().private.then_some(owner)
}

/// While this lives, the thread's allocations do not try to bind it: whatever
/// making a heap or claiming a slot needs comes from elsewhere.
pub(super) struct Aside(());

impl Aside {
    /// `None` if the thread is aside already.
    pub(super) fn enter() -> Option<Self> {
        LOCAL.with(|local| (!local.aside.replace(true)).then(|| Self(())))
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        LOCAL.with(|local| local.aside.set(false));
    }
}
