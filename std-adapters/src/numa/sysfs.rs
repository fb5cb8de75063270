//! Files of sysfs.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{NumaError, list};

/// The text of a file, without white space around it.
pub(super) fn read(path: &Path) -> Result<String, NumaError> {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).map_err(|e| unreadable(path, &e))
}

/// What `parse` makes of a file.
pub(super) fn parse<T>(
    path: PathBuf,
    wanted: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, NumaError> {
    let found = read(&path)?;
    parse(&found).ok_or(NumaError::Malformed { path, wanted, found })
}

/// The numbers of a list in a file.
pub(super) fn numbers(path: PathBuf) -> Result<Vec<u32>, NumaError> {
    parse(path, "a list of numbers", list::parse)
}

/// `Ok(None)` where a file is not there.
pub(super) fn optional<T>(result: Result<T, NumaError>) -> Result<Option<T>, NumaError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(NumaError::Unreadable { code: libc::ENOENT, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names in a directory, none where it is not there.
pub(super) fn names(path: &Path) -> Result<Vec<String>, NumaError> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(path, &error)),
    };
    Ok(entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

fn unreadable(path: &Path, error: &io::Error) -> NumaError {
    NumaError::Unreadable { path: path.to_owned(), code: error.raw_os_error().unwrap_or(0) }
}
