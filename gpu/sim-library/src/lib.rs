//! The software device under the vendors' own names.
//!
//! A program that loads this library instead of a driver's finds the devices of
//! [`anymem_gpu_sim`]: what calls drivers is tested by it where there is no GPU. What the
//! devices are like is said by [environment variables](anymem_gpu_sim::environment).

#![allow(non_snake_case, reason = "the names are the vendors'")]

mod cuda;
mod hip;
mod level_zero;
mod machine;
