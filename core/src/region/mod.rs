//! Paged memory of one owner: pages that count who holds them, and copies of what is stale.
//!
//! | word | what it is |
//! |---|---|
//! | [`Geometry`] | how many bytes a region has, and how large its pages are |
//! | [`Run`], [`Pages`], [`PageSet`] | pages that follow one another; any pages |
//! | [`Stamp`] | which contents a page has: who wrote them, and when |
//! | [`Region`], [`PageArray`], [`Page`] | what each kind of region is to the others |

mod access;
mod anchor;
mod atomic_bits;
mod atomic_stamp;
mod carry;
mod default;
mod error;
mod frames;
mod geometry;
mod memo;
mod merge;
mod model;
mod page;
mod page_set;
mod pinned;
mod plan;
mod reading;
mod rows;
mod stamp;
mod table;
mod tracker;
mod update;
mod writing;

pub use access::{Access, Block};
pub use anchor::{Anchor, RegionHandle, ResourceLock};
pub use atomic_stamp::AtomicStamp;
pub use default::{DefaultRegion, Settings};
pub use error::RegionError;
pub use frames::Blocks;
pub use geometry::{Geometry, Run};
pub use memo::Memo;
pub use merge::merge;
pub use model::{Missing, Outcome, Region, RegionFactory};
pub use page::{Page, PageArray, PageInfo};
pub use page_set::{PageSet, Pages};
pub use pinned::Pinned;
pub use reading::Reading;
pub use stamp::{RegionId, Stamp};
pub use tracker::{BitTracker, TwinTracker, Untracked, WriteTracker};
pub use update::{Copied, Options, update};
pub use writing::Writing;
