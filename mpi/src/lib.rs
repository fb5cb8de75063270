//! x
mod transport;
pub use transport::*;
