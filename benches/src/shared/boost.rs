//! Boost.Interprocess.

use crate::compiled::Compiled;

const SOURCE: &str = include_str!("boost.cpp");

/// The program that does the jobs with Boost.Interprocess; see `boost.cpp`.
#[derive(Debug)]
pub struct Boost(Compiled);

impl Boost {
    /// Compiles the program.
    ///
    /// # Errors
    ///
    /// Why there is none: mostly, that the headers are not there.
    pub fn build() -> Result<Self, String> {
        Compiled::of(SOURCE, ["-std=c++17", "-lrt"]).map(Self)
    }

    pub(super) fn program(&self) -> String {
        self.0.path().display().to_string()
    }
}
