//! Which free range is cut.

/// Which free range a span is cut from, where it has to be more aligned than pages
/// are. For all others it is the smallest that is large enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Strategy {
    /// The smallest if the span fits in there as aligned as it has to be; if not, as
    /// [`Fastest`](Self::Fastest). One more look-up, and fewer cuts.
    #[default]
    FastestButOne,
    /// The smallest that is so much larger that alignment does not matter.
    Fastest,
    /// The smallest where the span fits, of all there are: the least waste, and time in
    /// proportion to how many free ranges have about that size.
    CheckAllSizes,
}
