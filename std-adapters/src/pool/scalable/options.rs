//! What a creator of a scalable pool chooses.

use crate::size::Size;

/// How a [`ScalablePool`](super::ScalablePool) is to be made.
///
/// ```
/// use anymem::Size;
/// use anymem::pool::ScalableOptions;
/// let options = ScalableOptions::new().name("frames").granularity(Size::mib(4));
/// # let _ = options;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScalableOptions {
    pub(super) name: String,
    pub(super) granularity: Size,
    pub(super) keep_all_memory: bool,
}

impl Default for ScalableOptions {
    fn default() -> Self {
        let name = "scalable".to_owned();
        Self { name, granularity: Size::mib(2), keep_all_memory: false }
    }
}

impl ScalableOptions {
    /// Spans of 2 MiB, which go back when nothing is in them.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the pool is called.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The bytes that requests to the provider are multiples of.
    #[must_use]
    pub fn granularity(self, granularity: impl Into<Size>) -> Self {
        Self { granularity: granularity.into(), ..self }
    }

    /// Whether spans stay the pool's until it is dropped.
    #[must_use]
    pub fn keep_all_memory(self, keep: bool) -> Self {
        Self { keep_all_memory: keep, ..self }
    }
}
