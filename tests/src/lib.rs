//! What the tests share.

mod shadow;

pub use shadow::ShadowHeap;
