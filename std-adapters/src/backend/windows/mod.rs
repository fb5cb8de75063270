//! What Windows has.

mod section;
mod virtual_pages;

pub use section::SectionBackend;
pub use virtual_pages::VirtualBackend;
