//! What the precompiled libraries expect of whoever links them.

use core::arch::asm;
use core::panic::PanicInfo;

use crate::port::{End, exit};
use crate::{processor, say, team};

/// Ends the processor whose task was [to fail](crate::team::doom), or the machine.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    say!("processor {}: {info}", processor::number());
    if team::is_doomed() {
        team::die();
    }
    exit(End::Failed)
}

/// Named by code that was compiled to unwind; nothing here does.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// As [`rust_eh_personality`].
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    exit(End::Failed)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    // SAFETY: the caller's ranges, forwards.
    unsafe {
        asm!("rep movsb", inout("rcx") len => _, inout("rsi") from => _, inout("rdi") to => _,
            options(nostack, preserves_flags));
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, len: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= len {
        // SAFETY: the caller's ranges; writing forwards does not touch what is yet to be read.
        return unsafe { memcpy(to, from, len) };
    }
    // SAFETY: the caller's ranges, backwards, from their last bytes on.
    unsafe {
        asm!("std", "rep movsb", "cld", inout("rcx") len => _,
            inout("rsi") from.wrapping_add(len).wrapping_sub(1) => _,
            inout("rdi") to.wrapping_add(len).wrapping_sub(1) => _, options(nostack));
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, len: usize) -> *mut u8 {
    // SAFETY: the caller's range.
    unsafe {
        asm!("rep stosb", inout("rcx") len => _, inout("rdi") to => _, in("al") byte as u8,
            options(nostack, preserves_flags));
    }
    to
}

#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
    for index in 0..len {
        // SAFETY: the caller's ranges.
        let (one, other) = unsafe { (*one.add(index), *other.add(index)) };
        if one != other {
            return i32::from(one) - i32::from(other);
        }
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, len: usize) -> i32 {
    // SAFETY: passed on from the caller.
    unsafe { memcmp(one, other, len) }
}
