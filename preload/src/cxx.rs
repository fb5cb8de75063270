//! The operators `new` and `delete` of C++, by their names in the Itanium ABI.
//!
//! # When there is no room
//!
//! `new` then has to call the program's new-handler and to throw
//! `std::bad_alloc`, which is the C++ library's business: the call goes on to
//! *its* operator, which asks `malloc` once more. Where the process has none
//! (its C++ library is linked statically, or not visible to the whole program)
//! `new` ends the process with a message, and `new (std::nothrow)` answers null.

use core::ffi::{CStr, c_void};
use core::ptr::null_mut;

use crate::blocks::{self, allocate, allocate_aligned};
use crate::stderr::say;

/// `std::align_val_t`.
type Align = usize;

/// `const std::nothrow_t &`.
type NoThrow = *const c_void;

/// The C++ library's own operator.
fn next(name: &str) -> Option<*mut c_void> {
    let mut text = [0_u8; 64];
    text.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    let name = CStr::from_bytes_until_nul(&text).ok()?;
    // SAFETY: the name ends in a zero byte.
    let function = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    (!function.is_null()).then_some(function)
}

fn no_bad_alloc(size: usize) -> ! {
    say(format_args!("no room for {size} bytes, and no C++ library to throw std::bad_alloc"));
    std::process::abort()
}

/// Defines one form of `new`: how it allocates, and what it answers where there
/// is neither room nor a C++ library.
macro_rules! new {
    ($name:ident, $name64:literal, $name32:literal, ($size:ident $(, $more:ident: $type:ty)*),
     $block:expr, $otherwise:expr) => {
        #[doc = concat!("`", $name64, "`")]
        #[cfg_attr(target_pointer_width = "64", unsafe(export_name = $name64))]
        #[cfg_attr(target_pointer_width = "32", unsafe(export_name = $name32))]
        pub extern "C-unwind" fn $name($size: usize $(, $more: $type)*) -> *mut c_void {
            #[cold]
            #[inline(never)]
            extern "C-unwind" fn full($size: usize $(, $more: $type)*) -> *mut c_void {
                let name = if usize::BITS == 64 { $name64 } else { $name32 };
                type Operator = extern "C-unwind" fn(usize $(, $type)*) -> *mut c_void;
                match next(name) {
                    // SAFETY: the name, mangled, tells the function's type.
                    Some(next) => unsafe {
                        core::mem::transmute::<*mut c_void, Operator>(next)($size $(, $more)*)
                    },
                    None => $otherwise,
                }
            }
            let block: *mut u8 = $block;
            if block.is_null() { full($size $(, $more)*) } else { block.cast() }
        }
    };
}

macro_rules! delete {
    ($name:ident, $name64:literal, $name32:literal, ($($more:ident: $type:ty),*)) => {
        #[doc = concat!("`", $name64, "`")]
        ///
        /// # Safety
        ///
        /// `block` is null or a live block, and is not used afterwards.
        #[cfg_attr(target_pointer_width = "64", unsafe(export_name = $name64))]
        #[cfg_attr(target_pointer_width = "32", unsafe(export_name = $name32))]
        pub unsafe extern "C" fn $name(block: *mut c_void $(, $more: $type)*) {
            // SAFETY: passed on from the caller.
            unsafe { blocks::free(block.cast()) };
        }
    };
}

new!(new, "_Znwm", "_Znwj", (size), allocate(size), no_bad_alloc(size));
new!(new_array, "_Znam", "_Znaj", (size), allocate(size), no_bad_alloc(size));
new!(new_nothrow, "_ZnwmRKSt9nothrow_t", "_ZnwjRKSt9nothrow_t",
    (size, tag: NoThrow), allocate(size), null_mut());
new!(new_array_nothrow, "_ZnamRKSt9nothrow_t", "_ZnajRKSt9nothrow_t",
    (size, tag: NoThrow), allocate(size), null_mut());
new!(new_aligned, "_ZnwmSt11align_val_t", "_ZnwjSt11align_val_t",
    (size, align: Align), allocate_aligned(size, align), no_bad_alloc(size));
new!(new_array_aligned, "_ZnamSt11align_val_t", "_ZnajSt11align_val_t",
    (size, align: Align), allocate_aligned(size, align), no_bad_alloc(size));
new!(new_aligned_nothrow,
    "_ZnwmSt11align_val_tRKSt9nothrow_t", "_ZnwjSt11align_val_tRKSt9nothrow_t",
    (size, align: Align, tag: NoThrow), allocate_aligned(size, align), null_mut());
new!(new_array_aligned_nothrow,
    "_ZnamSt11align_val_tRKSt9nothrow_t", "_ZnajSt11align_val_tRKSt9nothrow_t",
    (size, align: Align, tag: NoThrow), allocate_aligned(size, align), null_mut());

delete!(delete, "_ZdlPv", "_ZdlPv", ());
delete!(delete_array, "_ZdaPv", "_ZdaPv", ());
delete!(delete_nothrow, "_ZdlPvRKSt9nothrow_t", "_ZdlPvRKSt9nothrow_t", (_tag: NoThrow));
delete!(delete_array_nothrow, "_ZdaPvRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t", (_tag: NoThrow));
delete!(delete_sized, "_ZdlPvm", "_ZdlPvj", (_size: usize));
delete!(delete_array_sized, "_ZdaPvm", "_ZdaPvj", (_size: usize));
delete!(delete_aligned, "_ZdlPvSt11align_val_t", "_ZdlPvSt11align_val_t", (_align: Align));
delete!(delete_array_aligned, "_ZdaPvSt11align_val_t", "_ZdaPvSt11align_val_t", (_align: Align));
delete!(delete_aligned_nothrow,
    "_ZdlPvSt11align_val_tRKSt9nothrow_t", "_ZdlPvSt11align_val_tRKSt9nothrow_t",
    (_align: Align, _tag: NoThrow));
delete!(delete_array_aligned_nothrow,
    "_ZdaPvSt11align_val_tRKSt9nothrow_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t",
    (_align: Align, _tag: NoThrow));
delete!(delete_sized_aligned, "_ZdlPvmSt11align_val_t", "_ZdlPvjSt11align_val_t",
    (_size: usize, _align: Align));
delete!(delete_array_sized_aligned, "_ZdaPvmSt11align_val_t", "_ZdaPvjSt11align_val_t",
    (_size: usize, _align: Align));
