//! Paged memory of one owner: pages that count who holds them, and copies of what is stale.
//!
//! | word | what it is |
//! |---|---|
//! | [`Geometry`] | how many bytes a region has, and how large its pages are |
//! | [`Run`], [`Pages`], [`PageSet`] | pages that follow one another; any pages |
//! | [`Stamp`] | which contents a page has: who wrote them, and when |
//! | [`Region`], [`PageArray`], [`Page`] | what each kind of region is to the others |
//! | [`ReferenceRegion`] | the point of truth: pages of several owners |

mod array;
mod error;
mod geometry;
mod model;
mod page;
mod page_set;
mod reference;
mod stamp;

pub use error::RegionError;
pub use geometry::{Geometry, Run};
pub use model::{Outcome, Region, RegionFactory};
pub use page::{Page, PageArray, PageInfo};
pub use page_set::{PageSet, Pages};
pub use reference::ReferenceRegion;
pub use stamp::{RegionId, Stamp};
