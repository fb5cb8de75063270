//! The containers of a hostile heap, found by the names of its roots.
//!
//! Each is used through ordinary calls, in any state. What a call leaves in the
//! caller's hands - a guard, an iterator, a place - is kept while further bytes
//! change, for that is what peers would do.

mod handles;
mod locks;
mod maps;
mod messages;
mod queues;
mod sequences;
mod sets;
mod vectors;

use std::alloc::Layout;
use std::mem::replace;
use std::ptr::NonNull;
use std::time::Duration;

use anymem_core::allocator::Allocator;
use anymem_core::container::{ContainerError, RootType, ShmSafe, ShmString, type_tag};
use anymem_core::offset::Offset;
use anymem_core::thread::Context;

use super::input::{Choices, Input};
use super::scene::Scene;
use super::{Slots, resolve};

const LONG: &str = "a text that is too long to stand in place";

/// How long waiting calls wait: some looks.
const SHORT: Duration = Duration::from_millis(1);

/// What somebody has who uses a container.
pub(super) struct Hands<'a, 'i> {
    /// Tells what is done.
    pub input: &'a mut Input<'i>,
    /// Where the container is.
    pub heap: &'a Slots,
    /// Whose containers are changed meanwhile, if they are.
    pub harmed: Option<&'a Scene>,
}

impl Hands<'_, '_> {
    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.input.below(bound)
    }

    /// A word of some that make good keys.
    fn word(&mut self) -> &'static str {
        ["a", "b", LONG, "new", "other", ""][self.below(6)]
    }

    /// A string in the heap.
    fn text(&self, text: &str) -> Result<ShmString, ContainerError> {
        ShmString::from_str_in(text, self.heap)
    }

    /// Lets some bytes change, now and then.
    fn harm(&mut self) {
        if let Some(scene) = self.harmed
            && self.input.below(4) == 0
        {
            (0..=self.input.below(4))
                .for_each(|_| scene.containers.harm(&scene.memory, self.input));
        }
    }
}

/// A container that stands on the shelf.
pub(super) trait Item: Sync {
    /// The type of its root.
    fn root_type(&self) -> RootType;

    /// Makes one and names it; where it is, with its size.
    fn put(&self, heap: &Slots) -> Result<(Offset, usize), ContainerError>;

    /// Does something with it; what it answers is not looked at.
    fn call(&self, hands: &mut Hands<'_, '_>);
}

/// A container of one type.
struct Piece<T> {
    name: &'static str,
    make: fn(&Slots) -> Result<T, ContainerError>,
    handle: fn(&mut T, &mut Hands<'_, '_>),
}

impl<T: ShmSafe> Item for Piece<T> {
    fn root_type(&self) -> RootType {
        RootType::of::<T>()
    }

    fn put(&self, heap: &Slots) -> Result<(Offset, usize), ContainerError> {
        let place = heap.allocate_ptr(Context::DEFAULT, Layout::new::<T>())?;
        // SAFETY: a block of its own, as large and aligned as the value.
        unsafe { place.ptr.cast::<T>().write((self.make)(heap)?) };
        let at = place.shm.ptr.offset();
        // SAFETY: the value was just written and stays there.
        unsafe { heap.roots().bind(self.name, &type_tag::<T>(), at) }.expect("room for a root");
        Ok((at, size_of::<T>()))
    }

    fn call(&self, hands: &mut Hands<'_, '_>) {
        let Some(mut place) = find::<T>(hands.heap, self.name) else { return };
        // SAFETY: inside the heap and aligned (`find`). Nobody else has a reference
        // to it, and any bits are a value of these types.
        let it = unsafe { place.as_mut() };
        match hands.below(64) {
            0 | 1 => drop((self.make)(hands.heap).map(|new| replace(it, new))),
            2 => it.settle(3),
            _ => (self.handle)(it, hands),
        }
    }
}

/// Does not look at an answer.
fn ignore<T>(_: T) {}

/// All of them.
pub(super) fn items() -> impl Iterator<Item = &'static dyn Item> {
    let shelves = [
        vectors::ITEMS,
        sequences::ITEMS,
        maps::ITEMS,
        sets::ITEMS,
        handles::ITEMS,
        locks::ITEMS,
        queues::ITEMS,
        messages::ITEMS,
    ];
    shelves.into_iter().flatten().copied()
}

/// The container that `name` names, if it still is of that type.
fn find<T: ShmSafe>(heap: &Slots, name: &str) -> Option<NonNull<T>> {
    resolve::<T>(heap, heap.roots().find(name, &type_tag::<T>()).ok()?)
}

/// Puts containers into a heap and names them; where their values are, with
/// their sizes.
pub(super) fn fill(heap: &Slots) -> Result<Vec<(Offset, usize)>, ContainerError> {
    items().map(|item| item.put(heap)).collect()
}

/// Does something with one of the containers.
pub(super) fn call(hands: &mut Hands<'_, '_>) {
    let number = hands.below(items().count());
    items().nth(number).expect("one of them").call(hands);
}
