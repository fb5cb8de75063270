//! Memory outside of the heap, which a process and all it forks have in common.

use std::io::Error;
use std::ops::Deref;
use std::ptr::{self, NonNull};

/// A value that is made of atomics, in memory of its own.
#[derive(Debug)]
pub(super) struct Common<T>(NonNull<T>);

impl<T> Common<T> {
    /// A value of zeroes.
    ///
    /// # Safety
    ///
    /// Zero bytes are a `T`, which processes may change at the same time.
    pub(super) unsafe fn zeroed() -> Self {
        let (access, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a mapping of its own, where the system finds room.
        let base = unsafe { libc::mmap(ptr::null_mut(), size_of::<T>(), access, flags, -1, 0) };
        assert_ne!(base, libc::MAP_FAILED, "not mapped: {}", Error::last_os_error());
        Self(NonNull::new(base.cast()).expect("not null"))
    }
}

impl<T> Deref for Common<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: mapped until `self` goes, page by page; see `zeroed`.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for Common<T> {
    fn drop(&mut self) {
        // SAFETY: mapped by `zeroed`, with that length.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<T>()) };
    }
}
