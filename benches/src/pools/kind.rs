//! What pools are compared.

use core::fmt;

/// An algorithm that both sides have, each its own or the same library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All metadata apart from the memory.
    Disjoint,
    /// jemalloc over memory of a provider.
    Jemalloc,
    /// oneTBB's allocator over memory of a provider.
    Scalable,
    /// Each block is a span of the provider's.
    Proxy,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Disjoint, Self::Jemalloc, Self::Scalable, Self::Proxy];

    /// Returns its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disjoint => "disjoint",
            Self::Jemalloc => "jemalloc",
            Self::Scalable => "scalable",
            Self::Proxy => "proxy",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
