//! One pointer for each thread: the way into its heap.
//!
//! A library reaches its thread-local variables through a call,
//! `__tls_get_addr`, unless it asks for room in the threads' static block: then
//! it is two loads (the *initial-exec* model). Stable Rust cannot ask, the
//! assembler can. The C library keeps a little of that room for libraries that
//! are loaded late, so this is one pointer and no more.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
mod other;
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
mod room;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use core::ptr::NonNull;

use anymem::{ThreadHeap, ThreadHeapPlace};

#[cfg(target_arch = "aarch64")]
use self::aarch64 as arch;
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
use self::other as arch;
#[cfg(target_arch = "x86_64")]
use self::x86_64 as arch;

/// The calling thread's way into its heap, if it has one at hand.
///
/// Not to be kept beyond the call that asked.
#[inline(always)]
pub(crate) fn get() -> Option<&'static ThreadHeap> {
    // SAFETY: what is not null was put here by `ShmAlloc::bind_at` for this
    // thread, and is taken away before it ends.
    unsafe { arch::get().as_ref() }
}

/// Where that is kept.
pub(crate) fn address() -> NonNull<ThreadHeapPlace> {
    arch::address()
}
