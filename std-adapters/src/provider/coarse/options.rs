//! How a coarse layer is made.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::carved::Carved;
use super::{CoarseProvider, Strategy};
use crate::provider::{Provider, ProviderError};
use crate::size::Size;

/// How to make a [`CoarseProvider`].
///
/// ```
/// use std::sync::Arc;
///
/// use anymem::Size;
/// use anymem::provider::{CoarseOptions, OsProvider, Strategy};
/// let os = Arc::new(OsProvider::new()?);
/// let options = CoarseOptions::new().region(Size::mib(8)).strategy(Strategy::CheckAllSizes);
/// let coarse = options.keep(Size::mib(64)).over(os)?;
/// # Ok::<(), anymem::provider::ProviderError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CoarseOptions {
    name: String,
    strategy: Strategy,
    region: Size,
    page: Option<Size>,
    keep: Size,
}

impl CoarseOptions {
    /// Regions of 2 MiB, pages as the provider has them, and all that is free is kept.
    #[must_use]
    pub fn new() -> Self {
        let (region, keep) = (Size::mib(2), Size::bytes(usize::MAX));
        Self { name: "coarse".into(), strategy: Strategy::default(), region, page: None, keep }
    }

    /// What the provider is called; `coarse` if nothing else is said.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Which free range a span is cut from.
    #[must_use]
    pub fn strategy(self, strategy: Strategy) -> Self {
        Self { strategy, ..self }
    }

    /// How much is asked of the provider below at a time, at least. What is larger
    /// gets a region of its own.
    #[must_use]
    pub fn region(self, size: Size) -> Self {
        Self { region: size, ..self }
    }

    /// What all spans are multiples of: a power of two, no less than the pages of the
    /// provider below.
    #[must_use]
    pub fn page_size(self, size: Size) -> Self {
        Self { page: Some(size), ..self }
    }

    /// How much may lie free. Beyond that, regions of which nothing is in use go back.
    #[must_use]
    pub fn keep(self, size: Size) -> Self {
        Self { keep: size, ..self }
    }

    /// Cuts up memory of `upstream`.
    ///
    /// # Errors
    ///
    /// [`ProviderError::BadSetting`] for a page size that is none.
    pub fn over(&self, upstream: Arc<dyn Provider>) -> Result<CoarseProvider, ProviderError> {
        let least = upstream.min_page_size();
        let page = self.page.map_or(least, Size::get);
        if !page.is_power_of_two() || page < least {
            let why = format!("use a power of two from {least} up, the provider's own");
            return Err(ProviderError::BadSetting {
                setting: "page_size",
                value: page.to_string(),
                why,
            });
        }
        Ok(CoarseProvider {
            carved: Carved::new(self.name.clone(), page, self.strategy),
            upstream,
            region: self.region.get(),
            keep: self.keep.get(),
            purged: AtomicBool::new(false),
        })
    }
}

impl Default for CoarseOptions {
    fn default() -> Self {
        Self::new()
    }
}
