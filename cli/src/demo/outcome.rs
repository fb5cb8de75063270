//! What became of a file, in one number.

use core::fmt;
use std::io;

/// What became of a file.
///
/// | number | meaning |
/// |---|---|
/// | 0 | nobody has finished it |
/// | 1 | counted |
/// | 2 | it is not UTF-8 |
/// | 3 | it cannot be read, and the system gave no number for why |
/// | 16 – | it cannot be read; 16 more than the system's error number |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Waiting,
    Counted,
    NotUtf8,
    Unreadable { code: Option<i32> },
}

/// What an error number is raised by.
const FIRST_CODE: u32 = 16;

impl Outcome {
    pub(crate) fn into_bits(self) -> u32 {
        match self {
            Self::Waiting => 0,
            Self::Counted => 1,
            Self::NotUtf8 => 2,
            Self::Unreadable { code: None } => 3,
            Self::Unreadable { code: Some(code) } => FIRST_CODE.wrapping_add_signed(code),
        }
    }

    pub(crate) fn from_bits(bits: u32) -> Self {
        match bits {
            0 => Self::Waiting,
            1 => Self::Counted,
            2 => Self::NotUtf8,
            3..FIRST_CODE => Self::Unreadable { code: None },
            bits => Self::Unreadable { code: i32::try_from(bits - FIRST_CODE).ok() },
        }
    }

    /// Why a file was not counted; `None` if it was, or may yet be.
    pub(crate) fn why_skipped(self) -> Option<impl fmt::Display> {
        match self {
            Self::Waiting | Self::Counted => None,
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
        for outcome in all {
            assert_eq!(Outcome::from_bits(outcome.into_bits()), outcome);
        }
    }
}
