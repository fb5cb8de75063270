//! Who has a file or what became of it, in one number.

use core::fmt;
use std::io;

/// What became of a file.
///
/// | number | meaning |
/// |---|---|
/// | 0 | nobody has taken it |
/// | 1 | counted |
/// | 2 | it is not UTF-8 |
/// | 3 | it cannot be read, and the system gave no number for why |
/// | 16 – | it cannot be read; 16 more than the system's error number |
/// | 2³¹ – | it is being counted; 2³¹ more than the seat of the worker |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Waiting,
    Taken { seat: u32 },
    Counted,
    NotUtf8,
    Unreadable { code: Option<i32> },
}

/// What an error number is raised by.
const FIRST_CODE: u32 = 16;

/// What a seat is raised by.
const FIRST_SEAT: u32 = 1 << 31;

impl Outcome {
    pub(crate) fn into_bits(self) -> u32 {
        match self {
            Self::Waiting => 0,
            Self::Counted => 1,
            Self::NotUtf8 => 2,
            Self::Unreadable { code: None } => 3,
            Self::Unreadable { code: Some(code) } => FIRST_CODE.wrapping_add_signed(code),
            Self::Taken { seat } => FIRST_SEAT | seat,
        }
    }

    pub(crate) fn from_bits(bits: u32) -> Self {
        match bits {
            0 => Self::Waiting,
            1 => Self::Counted,
            2 => Self::NotUtf8,
            3..FIRST_CODE => Self::Unreadable { code: None },
            FIRST_SEAT.. => Self::Taken { seat: bits - FIRST_SEAT },
            bits => Self::Unreadable { code: i32::try_from(bits - FIRST_CODE).ok() },
        }
    }

    /// Whether the file is done with.
    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Taken { .. })
    }

    /// Why a file was not counted; `None` if it was, or may yet be.
    pub(crate) fn why_skipped(self) -> Option<impl fmt::Display> {
        match self {
            Self::Waiting | Self::Taken { .. } | Self::Counted => None,
            Self::NotUtf8 => Some("not UTF-8".to_owned()),
            Self::Unreadable { code: None } => Some("cannot be read".to_owned()),
            Self::Unreadable { code: Some(code) } => {
                Some(io::Error::from_raw_os_error(code).to_string())
            }
        }
    }
}

impl From<io::Error> for Outcome {
    fn from(error: io::Error) -> Self {
        Self::Unreadable { code: error.raw_os_error() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_comes_back() {
        let unreadable = [None, Some(1), Some(13), Some(4095)];
        let all = [Outcome::Waiting, Outcome::Counted, Outcome::NotUtf8]
            .into_iter()
            .chain(unreadable.map(|code| Outcome::Unreadable { code }));
        let taken = [0, 1, 255].map(|seat| Outcome::Taken { seat });
        for outcome in all.chain(taken) {
            assert_eq!(Outcome::from_bits(outcome.into_bits()), outcome);
        }
    }
}
