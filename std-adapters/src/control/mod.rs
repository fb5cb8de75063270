//! Settings and counts of providers, pools and caches by name.

mod knob;
mod value;

pub use knob::Knob;
pub use value::Value;
