//! Atomic integers on every processor: [`core::sync::atomic`]'s where it can exchange
//! what it compared, else `portable-atomic`'s.
//!
//! Processors such as Cortex-M0 and RISC-V without the A extension can load and store a
//! word at once, and no more. For those the crate `portable-atomic` is linked, and whoever
//! builds the program says how it is made up for:
//!
//! | what makes an operation whole | how to ask for it |
//! |---|---|
//! | the program's critical sections | feature `critical-section` |
//! | interrupts off meanwhile; **only** with one processor, in privileged mode | feature `unsafe-assume-single-core` of `portable-atomic` |
//!
//! Without either, building fails and says so. Values of heaps there are to be declared with
//! the integers of this module; on other processors they are `core`'s own.
//!
//! On GPUs [`compiler_fence`] is a fence. Elsewhere what one thread wrote is in memory in that
//! order once it is dead, if the compiler left it so; a GPU that stops may have kept it back.

#[cfg(target_has_atomic = "ptr")]
pub use core::sync::atomic::*;

#[cfg(not(target_has_atomic = "ptr"))]
pub use portable_atomic::*;

/// What the caller wrote before is in memory, if what it writes after is.
#[cfg(any(target_arch = "nvptx64", target_arch = "amdgpu"))]
#[inline]
pub fn compiler_fence(order: Ordering) {
    fence(order);
}
