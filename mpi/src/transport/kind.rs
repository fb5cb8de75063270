//! The kinds of transports.

use std::fmt;
use std::str::FromStr;

use super::TransportError;

/// A kind of transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The ranks are threads of one process: no MPI.
    Loop,
    /// All ranks are on one host and map each other's arenas.
    Shared,
    /// One-sided: a window of each rank.
    Window,
    /// Two-sided: ranks ask each other, and have to listen.
    TwoSided,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Loop, Self::Shared, Self::Window, Self::TwoSided];

    /// What it is called where it is [forced](super::open).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Shared => "shared",
            Self::Window => "window",
            Self::TwoSided => "two-sided",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = TransportError;

    fn from_str(name: &str) -> Result<Self, TransportError> {
        Self::ALL.into_iter().find(|kind| kind.name() == name).ok_or(TransportError::Unknown)
    }
}
