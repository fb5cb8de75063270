//! A GPU in software.

pub mod ptx;
