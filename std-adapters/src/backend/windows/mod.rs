//! What Windows has.

pub(crate) mod access;
mod section;
mod span;
mod virtual_pages;

pub use access::SegmentInfo;
pub use section::SectionBackend;
pub use span::SharedSpan;
pub use virtual_pages::VirtualBackend;
