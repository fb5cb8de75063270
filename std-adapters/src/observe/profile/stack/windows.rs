//! Calls, as the system finds them: by tables that the compiler made.

use core::ptr;

use windows_sys::Win32::System::Diagnostics::Debug::RtlCaptureStackBackTrace;

use super::{DEPTH, Stack};

/// Notes the calls that led here.
#[inline(never)]
pub(super) fn walk(stack: &mut Stack) {
    let frames = stack.frames.as_mut_ptr().cast();
    // SAFETY: there is room for as many addresses.
    stack.len =
        unsafe { RtlCaptureStackBackTrace(0, DEPTH as u32, frames, ptr::null_mut()) }.into();
    for frame in &mut stack.frames[..stack.len] {
        // A return address may belong to the next function already.
        *frame = frame.saturating_sub(1);
    }
}
