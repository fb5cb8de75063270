//! What a block contains when it is handed out.

/// What a block is to contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// Anything.
    Any,
    /// Zeroes.
    Zero,
}
