//! Ratios, their means, and how both are printed.

use core::fmt;

/// Returns the geometric mean, or nothing of nothing.
pub(crate) fn geomean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) =
        values.fold((0.0, 0_u32), |(sum, count), value| (sum + value.ln(), count + 1));
    (count > 0).then(|| (sum / f64::from(count)).exp())
}

/// Two decimals, or `n/a`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ratio(pub(crate) Option<f64>);

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.map_or("n/a".into(), |ratio| format!("{ratio:.2}")))
    }
}

/// How many times as fast: a ratio with an `x` behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times(pub(crate) Option<f64>);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", Ratio(self.0), if self.0.is_some() { "x" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_and_doubles_cancel_out() {
        assert_eq!(geomean([0.5, 2.0].into_iter()), Some(1.0));
        assert_eq!(geomean([].into_iter()), None);
    }

    #[test]
    fn a_ratio_is_padded_like_a_word() {
        assert_eq!(format!("{:>5}", Ratio(Some(0.5))), " 0.50");
        assert_eq!(Ratio(None).to_string(), "n/a");
        assert_eq!(Times(Some(4.0)).to_string(), "4.00x");
        assert_eq!(Times(None).to_string(), "n/a");
    }
}
