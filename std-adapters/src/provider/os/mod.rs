//! Pages of the operating system.

mod named;
mod options;

pub use options::{HugePages, OsOptions, Visibility};

use named::Named;

use super::delegate::provider_by_spans;
use super::{Provider, ProviderError, Share, Span, Usage};

/// Pages of the operating system: each span is mapped when it is asked for, and unmapped
/// when it is freed.
///
/// | visibility | what it is | other processes |
/// |---|---|---|
/// | [`Private`](Visibility::Private) | anonymous pages | no |
/// | [`Shared`](Visibility::Shared) | one memory file without a name | by its descriptor |
/// | [`Named`](Visibility::Named) | one POSIX shared memory file | by its name |
///
/// Protection, huge pages, pages that are there at once or stay in memory, and where the
/// pages are to be: [`OsOptions`].
///
/// Shared memory is taken when it is handed out, so that too little of it is an error and
/// never a signal. What is freed goes back to the system at once, and its place in the
/// file is used again. A memory file cannot be shrunk by anybody, so no peer can take
/// pages away from under another. It is one of `memfd_create`, and not of `memfd_secret`:
/// secret memory counts against the limit on locked memory, which is 8 MiB for most, and
/// cannot be pinned, so that neither devices nor direct input and output can reach it.
///
/// A forked child has copies of private spans, and may use shared ones, but must neither
/// allocate nor free in a provider of its parent's.
///
/// Spans that are not freed stay mapped when the provider is dropped.
///
/// ```
/// use anymem::provider::{OsProvider, Provider};
/// let os = OsProvider::new()?;
/// let span = os.allocate(10_000, 4096)?;
/// assert_eq!(span.len, 12_288);
/// // SAFETY: the span is that long, and not used after it was freed.
/// unsafe {
///     span.start.write_bytes(7, span.len);
///     os.purge_force(span)?;
///     assert_eq!(span.start.read(), 0);
///     os.free(span)?;
/// }
/// # Ok::<(), anymem::provider::ProviderError>(())
/// ```
#[derive(Debug)]
pub struct OsProvider {
    spans: Box<dyn Provider>,
    /// Kept for what it does when it is dropped.
    _name: Option<Named>,
}

impl OsProvider {
    /// Private pages that can be read and written.
    ///
    /// # Errors
    ///
    /// None; with other [options](OsOptions) there are some.
    pub fn new() -> Result<Self, ProviderError> {
        OsOptions::new().build()
    }
}

provider_by_spans!(OsProvider);
