//! What instructions compute.

use super::code::{Combine, Compare, Compute, Size};

impl Compute {
    /// Of two values of a size.
    pub(super) fn of(self, size: Size, [a, b]: [u64; 2]) -> u64 {
        size.cut(match self {
            Self::Add => a.wrapping_add(b),
            Self::Subtract => a.wrapping_sub(b),
            Self::Multiply => a.wrapping_mul(b),
            // A GPU gives some number, too.
            Self::Divide => a.checked_div(b).unwrap_or(u64::MAX),
            Self::Remainder => a.checked_rem(b).unwrap_or(u64::MAX),
            Self::Least => a.min(b),
            Self::Most => a.max(b),
            Self::And => a & b,
            Self::Or => a | b,
            Self::Xor => a ^ b,
            Self::Left => shifted(size, b, |by| a << by),
            Self::Right => shifted(size, b, |by| a >> by),
        })
    }
}

/// Nothing is left of what is shifted by its size or more.
fn shifted(size: Size, by: u64, shift: impl Fn(u32) -> u64) -> u64 {
    u32::try_from(by).ok().filter(|by| *by < size.bits()).map_or(0, shift)
}

impl Compare {
    pub(super) fn holds(self, [a, b]: [u64; 2]) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Different => a != b,
            Self::Less => a < b,
            Self::LessOrEqual => a <= b,
            Self::Greater => a > b,
            Self::GreaterOrEqual => a >= b,
        }
    }
}

impl Combine {
    pub(super) fn of(self, a: bool, b: bool) -> bool {
        match self {
            Self::And => a && b,
            Self::Or => a || b,
            Self::Xor => a != b,
        }
    }
}
