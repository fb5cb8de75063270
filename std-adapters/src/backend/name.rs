//! The names of heaps, checked before they become file names.

use crate::error::HeapError;

/// What the file names of heaps begin with.
pub(crate) const PREFIX: &str = "anymem.";

/// The longest name in bytes.
const LONGEST: usize = 200;

/// The file name of the heap `name`.
///
/// # Errors
///
/// [`HeapError::BadName`] unless the name is 1 to 200 bytes without a slash or
/// a zero byte, and neither `.` nor `..`.
pub(crate) fn file_name(name: &str) -> Result<String, HeapError> {
    match fault(name) {
        None => Ok(format!("{PREFIX}{name}")),
        Some(why) => Err(HeapError::BadName { name: name.into(), why }),
    }
}

fn fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("is empty")
    } else if name.len() > LONGEST {
        Some("is too long")
    } else if name.contains('/') {
        Some("contains a slash")
    } else if name.contains('\0') {
        Some("contains a zero byte")
    } else if cfg!(windows) && name.contains(is_special) {
        Some("contains what no file name has here")
    } else if matches!(name, "." | "..") {
        Some("means a directory")
    } else {
        None
    }
}

/// Whether Windows has another use for a character than in file names.
fn is_special(letter: char) -> bool {
    letter < ' ' || matches!(letter, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}
