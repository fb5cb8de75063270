//! Heaps whose bytes somebody changes: structured damage, and what must hold
//! whatever it does.
//!
//! Nothing that is done with such a heap may touch a byte outside it, panic, or
//! go on for ever. Errors and wrong values are all right.
//!
//! A *driver* reads bytes and does what they say: it mutates the image of a heap
//! in use, attaches it, and makes calls. The bytes come from a seed
//! ([`bytes_of`]) or from a fuzzer (`fuzz/`). The heap stands between pages that
//! nobody may touch; [`run`] drives in processes of their own and says how they
//! ended.

mod drive;
mod guarded;
mod input;
mod look;
mod mutation;
mod peer;
mod run;
mod scene;
mod shelf;
mod user;
mod victim;

use std::ptr::NonNull;

use anymem_core::allocator::{Allocator, ScalablePageAllocator, ThreadLocalAllocator};
use anymem_core::offset::Offset;

pub use drive::{Kind, drive};
pub use guarded::{Backend, Guarded};
pub use input::{Choices, Input, bytes_of};
pub use run::{Found, Plan, run};
pub use scene::Scene;
pub use user::User;
pub use victim::Victim;

/// Slabs of 4 KiB, to have many of them.
pub const SHIFT: u32 = 12;

/// A heap with slots.
pub type Slots = ThreadLocalAllocator<Backend, Victim, SHIFT>;

/// The same heap without.
pub type Pages = ScalablePageAllocator<Backend, Victim, SHIFT>;

/// The address of a value at `at`, if it lies in the heap and is aligned.
fn resolve<T>(heap: &Slots, at: Offset) -> Option<NonNull<T>> {
    let place = heap.resolve(at, size_of::<T>())?.cast::<T>();
    (place.is_aligned() && !at.is_null()).then_some(place)
}
