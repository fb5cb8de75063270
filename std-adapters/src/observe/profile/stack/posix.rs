//! Calls, as the unwinder finds them that every Rust program has for its panics.
//!
//! It reads tables that the compiler made, and allocates nothing. Where there is
//! no table for some code, the walk ends.

use core::ffi::{c_int, c_void};

use super::Stack;

/// The unwinder's view of one call.
#[repr(C)]
struct Context {
    _opaque: [u8; 0],
}

const NO_REASON: c_int = 0;
const END_OF_STACK: c_int = 5;

// The Itanium C++ ABI's, as std declares them.
unsafe extern "C" {
    fn _Unwind_Backtrace(
        visit: extern "C" fn(*mut Context, *mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn _Unwind_GetIPInfo(context: *mut Context, is_before: *mut c_int) -> usize;
}

/// Notes the calls that led here.
#[inline(never)]
pub(super) fn walk(stack: &mut Stack) {
    // SAFETY: `visit` gets the stack that it expects, which nobody else uses.
    unsafe { _Unwind_Backtrace(visit, core::ptr::from_mut(stack).cast()) };
}

extern "C" fn visit(context: *mut Context, stack: *mut c_void) -> c_int {
    // SAFETY: `walk` hands its stack over.
    let stack = unsafe { &mut *stack.cast::<Stack>() };
    let mut is_before = 0;
    // SAFETY: the unwinder's own context, and a place to write to.
    let at = unsafe { _Unwind_GetIPInfo(context, &raw mut is_before) };
    let Some(frame) = stack.frames.get_mut(stack.len) else { return END_OF_STACK };
    if at == 0 {
        return END_OF_STACK;
    }
    // A return address may belong to the next function already.
    *frame = if is_before == 0 { at - 1 } else { at };
    stack.len += 1;
    NO_REASON
}
