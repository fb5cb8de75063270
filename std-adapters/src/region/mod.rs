//! Regions, from core, and what a system adds: pages that can be mapped a second time, and
//! page tables that tell what was written.
//!
//! | type | what it is for |
//! |---|---|
//! | [`ArenaMemory`] | memory for pages that are to be mapped in another order |
//! | [`MappedView`] | maps them so, for a [`View`] |
//! | [`UffdTracker`] | lets the kernel take note of which pages are written |

mod arena;
mod mapped;
mod uffd;

pub use anymem_core::region::*;

pub use self::arena::ArenaMemory;
pub use self::mapped::MappedView;
pub use self::uffd::UffdTracker;
