//! A file's text, as it is counted.

use std::fs;
use std::path::Path;

use super::outcome::Outcome;

/// Reads a file and makes its text lower case.
///
/// # Errors
///
/// Why the file is to be skipped.
pub(crate) fn read(path: &Path) -> Result<String, Outcome> {
    let mut text = String::from_utf8(fs::read(path)?).map_err(|_| Outcome::NotUtf8)?;
    if text.is_ascii() {
        text.make_ascii_lowercase();
        return Ok(text);
    }
    Ok(text.to_lowercase())
}
