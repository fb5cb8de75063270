//! The slab table: who owns which slab, in which state, cut how.
//!
//! | file | protocol |
//! |---|---|
//! | `owner` | the owner word: claim, publish, release of one slab |
//! | `slab_bits` | one bit a slab |
//! | `used_map` | where free slabs may be found: a hint |
//! | `span` | runs of slabs: claim all or none, grow, release |
//! | `descriptor` | what stands beside a slab: its bitmaps and its owner's notes |
//! | `bitmap` | one bit a block |
//! | `taken_bits` | the same, of blocks that anyone takes and puts back |
//! | `shared_run` | runs whose blocks anyone takes: publish, take, put back, retire |
//! | `remote_free` | frees by others: set a bit, tell the owner, collect |
//!
//! Each is generic over its [`Arena`](crate::sync::Arena), so that model
//! checkers run the same code.

mod bitmap;
mod descriptor;
mod owner;
mod remote_free;
mod shared_run;
mod slab_bits;
mod span;
mod taken_bits;
mod used_map;

pub use bitmap::Bitmap;
pub use descriptor::Descriptor;
pub use owner::{KIND_BITS, OwnerWord, SHARED, SlabState};
pub use remote_free::{DirtyList, RemoteFree};
pub use shared_run::SharedRun;
pub use slab_bits::SlabBits;
pub(crate) use slab_bits::{mask, masks};
pub use span::{ClaimError, Journal, SpanTable, Unlogged};
pub use taken_bits::TakenBits;
pub use used_map::Want;
