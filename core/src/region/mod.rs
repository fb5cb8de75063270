//! Paged memory of one owner: pages that count who holds them, and copies of what is stale.
//!
//! | word | what it is |
//! |---|---|
//! | [`Geometry`] | how many bytes a region has, and how large its pages are |
//! | [`Run`], [`Pages`], [`PageSet`] | pages that follow one another; any pages |
//! | [`Stamp`] | which contents a page has: who wrote them, and when |
//! | [`Region`], [`PageArray`], [`Page`] | what each kind of region is to the others |
//! | [`ReferenceRegion`] | the point of truth: pages of several owners |
//! | [`DistributedBuffer`] | elements that several regions have copies of, as far as they use them |
//! | [`View`] | bytes of a region as one slice, for who knows nothing of regions |

mod access;
mod anchor;
mod array;
mod atomic_bits;
mod atomic_stamp;
mod buffer;
mod carry;
mod default;
mod division;
mod error;
mod frames;
mod geometry;
mod memo;
mod merge;
mod model;
mod page;
mod page_set;
mod pinned;
mod places;
mod plan;
mod reading;
mod reference;
mod rows;
mod stamp;
mod table;
mod tracker;
mod update;
mod view;
mod writing;

pub use access::{Access, Block};
pub use anchor::{Anchor, RegionHandle, ResourceLock};
pub use atomic_stamp::AtomicStamp;
pub use buffer::{Accessible, Accessor, DistributedBuffer};
pub use default::{DefaultRegion, Settings};
pub use division::Division;
pub use error::RegionError;
pub use frames::Blocks;
pub use geometry::{Geometry, Run};
pub use memo::Memo;
pub use merge::merge;
pub use model::{Missing, Outcome, Region, RegionFactory};
pub use page::{Page, PageArray, PageInfo};
pub use page_set::{PageSet, Pages};
pub use pinned::Pinned;
pub use places::places;
pub use reading::Reading;
pub use reference::ReferenceRegion;
pub use stamp::{RegionId, Stamp};
pub use tracker::{BitTracker, TwinTracker, Untracked, WriteTracker};
pub use update::{Copied, Options, update};
pub use view::{Mapper, Unmapped, View, Viewed, ViewedMut, Way};
pub use writing::Writing;
