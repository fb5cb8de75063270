//! What is done to look at a heap, by those who verify and inspect it too.

use std::ops::ControlFlow;

use anymem_core::allocator::Allocator;
use anymem_core::container::{Pending, TraceRoom, type_tag};
use anymem_core::offset::Offset;
use anymem_core::thread::Context;

use super::guarded::Guarded;
use super::input::Choices;
use super::shelf::{self, Item};
use super::user::User;
use super::victim::Victim;
use super::{Pages, Slots};

/// Walks over the heap in one of the ways that there are.
pub(super) fn look(choices: &mut impl Choices, memory: &Guarded, heap: &Slots, context: Context) {
    match choices.below(13) {
        0 => drop(heap.stats()),
        1 => drop(heap.check()),
        2 => drop(heap.trim(context)),
        3 | 4 => drop(heap.recover()),
        5 => heap.for_each_fault(&mut |_| ControlFlow::Continue(())),
        6 => {
            heap.for_each_slab(&mut |slab| assert!(slab.slabs > 0));
            heap.for_each_slot(&mut |_| {});
        }
        7 => heap.for_each_cached(&mut |_| {}),
        8 => {
            let _ = (heap.owners().count(), heap.roots().iter().count());
            name_something(heap);
        }
        9 => claim(choices, heap),
        10 => attach(choices, memory),
        11 => reclaim(heap, context),
        _ => attach_pages(choices, memory),
    }
}

/// Binds a root and takes it away again.
fn name_something(heap: &Slots) {
    let roots = heap.roots();
    // SAFETY: the value is never looked at.
    let _ = unsafe { roots.bind("something", &type_tag::<u64>(), Offset::new(4096)) };
    let _ = (roots.find("something", &type_tag::<u64>()), format!("{roots:?}"));
    let _ = roots.unbind("something", &type_tag::<u64>());
}

/// Frees what no container owns.
fn reclaim(heap: &Slots, context: Context) {
    let types: Vec<_> = shelf::items().map(Item::root_type).collect();
    let (mut marks, mut pending) = (vec![0; heap.words_to_mark()], [Pending::NONE; 64]);
    let room = TraceRoom { marks: &mut marks, pending: &mut pending };
    // SAFETY: wrong on purpose: what others use is freed under their hands, as if
    // somebody had changed the metadata.
    let _ = unsafe { heap.reclaim_unreachable(context, &types, &[], room) };
}

/// Uses a slot for a while.
fn claim(choices: &mut impl Choices, heap: &Slots) {
    let Ok(context) = heap.create_tls() else { return };
    let mut user = User::new();
    (0..choices.below(8)).for_each(|_| user.call(choices, heap, context));
    // SAFETY: the context is not used afterwards.
    unsafe { heap.free_tls(context) };
}

/// Attaches the heap once more, as it is now; it may be shorter than it was.
fn attach(choices: &mut impl Choices, memory: &Guarded) {
    let Ok(again) = Slots::attach(memory.backend(memory.len()), Victim) else { return };
    let mut user = User::new();
    (0..choices.below(8)).for_each(|_| user.call(choices, &again, Context::DEFAULT));
    let _ = again.check();
}

/// The same without slots.
fn attach_pages(choices: &mut impl Choices, memory: &Guarded) {
    let Ok(pages) = Pages::attach(memory.backend(memory.len()), Victim) else { return };
    let mut user = User::new();
    (0..choices.below(8)).for_each(|_| user.call(choices, &pages, Context::DEFAULT));
    let _ = (pages.check(), pages.trim(), pages.stats());
}
