//! Libraries whose allocators only C++ can call.

use libloading::Library;

/// What each is called, and its library.
const LIBRARIES: [(&str, &str); 2] = [("rmm", "librmm.so"), ("pytorch", "libc10_cuda.so")];

/// Why none of them is measured.
pub(super) fn skipped() -> impl Iterator<Item = String> {
    LIBRARIES.into_iter().map(|(name, library)| {
        // SAFETY: what a library does when it is loaded concerns itself alone.
        let why = match unsafe { Library::new(library) } {
            Ok(_) => "is here, but has functions for C++ alone",
            Err(_) => "was not found; were it here, it would have functions for C++ alone",
        };
        format!("{name}: {library} {why}")
    })
}
