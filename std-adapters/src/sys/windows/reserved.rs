//! Reserved pages that are read all the same.
//!
//! Heaps look at tables of theirs, and at what hostile or mistaken offsets lead to, before
//! they took memory for it; elsewhere such pages read as zero. Here reading them is an
//! exception. So an exception handler puts memory behind a page of the heaps' that is read
//! and has none, and has the read repeated. Writing stays an error.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};
use std::sync::Once;

use windows_sys::Win32::Foundation::{ERROR_NOT_ENOUGH_MEMORY, EXCEPTION_ACCESS_VIOLATION};
use windows_sys::Win32::System::Diagnostics::Debug::{
    AddVectoredExceptionHandler, EXCEPTION_CONTINUE_EXECUTION, EXCEPTION_CONTINUE_SEARCH,
    EXCEPTION_POINTERS, EXCEPTION_RECORD,
};
use windows_sys::Win32::System::Memory::{
    MEM_COMMIT, MEM_RESERVE, MEMORY_BASIC_INFORMATION, PAGE_READWRITE, VirtualAlloc, VirtualQuery,
};

/// How many ranges there can be at a time.
const MOST: usize = 256;

/// Where they start.
static BASES: [AtomicPtr<u8>; MOST] = [const { AtomicPtr::new(ptr::null_mut()) }; MOST];

/// That a range is looked after, until this is dropped.
#[derive(Debug)]
pub(super) struct Reserved {
    place: usize,
}

/// Has the range at `base` looked after; the system's error number if there are too many.
pub(super) fn note(base: NonNull<u8>) -> Result<Reserved, i32> {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler lives as long as this library. Without memory for it, pages
        // that are only reserved can't be read.
        let _ = unsafe { AddVectoredExceptionHandler(1, Some(on_exception)) };
    });
    let free = |place: &AtomicPtr<u8>| {
        let (none, order) = (ptr::null_mut(), Ordering::Relaxed);
        place.compare_exchange(none, base.as_ptr(), order, order).is_ok()
    };
    let place = BASES.iter().position(free).ok_or(ERROR_NOT_ENOUGH_MEMORY as i32)?;
    Ok(Reserved { place })
}

impl Drop for Reserved {
    fn drop(&mut self) {
        BASES[self.place].store(ptr::null_mut(), Ordering::Relaxed);
    }
}

unsafe extern "system" fn on_exception(info: *mut EXCEPTION_POINTERS) -> i32 {
    // SAFETY: the system hands over what is readable.
    let record = unsafe { &*(*info).ExceptionRecord };
    if address_read(record).is_some_and(supply) {
        EXCEPTION_CONTINUE_EXECUTION
    } else {
        EXCEPTION_CONTINUE_SEARCH
    }
}

/// The address that could not be read, if that is what happened.
fn address_read(record: &EXCEPTION_RECORD) -> Option<*mut u8> {
    let [kind, address, ..] = record.ExceptionInformation;
    let is_read = record.ExceptionCode == EXCEPTION_ACCESS_VIOLATION
        && record.NumberParameters >= 2
        && kind == 0;
    is_read.then(|| ptr::with_exposed_provenance_mut(address))
}

/// Puts memory behind the page at `address`, if it is one that is looked after; whether it
/// can be read now.
fn supply(address: *mut u8) -> bool {
    let mut found = MEMORY_BASIC_INFORMATION::default();
    let size = size_of::<MEMORY_BASIC_INFORMATION>();
    // SAFETY: the structure is writable and has that size.
    let told = unsafe { VirtualQuery(address.cast(), &raw mut found, size) } != 0;
    if !told || !is_noted(found.AllocationBase.cast()) {
        return false;
    }
    match found.State {
        MEM_RESERVE => {
            // SAFETY: the page is reserved, by one of the heaps.
            let done = unsafe { VirtualAlloc(address.cast(), 1, MEM_COMMIT, PAGE_READWRITE) };
            !done.is_null()
        }
        // Another thread was faster. What is guarded has no access, and stays so.
        MEM_COMMIT => found.Protect == PAGE_READWRITE,
        _ => false,
    }
}

fn is_noted(base: *mut u8) -> bool {
    !base.is_null() && BASES.iter().any(|noted| noted.load(Ordering::Relaxed) == base)
}
