//! `anymem rm`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anymem::backend::ShmBackend;
use anymem::segment::MAGIC;
use anymem::{HeapError, SharedHeap};

use crate::error::CliError;
use crate::output::{complain, line};

/// Removes segments; goes on to the next where one cannot be removed.
pub(crate) fn remove(names: &[String]) -> Result<ExitCode, CliError> {
    let mut failures = 0;
    for name in names {
        match remove_one(name) {
            Ok(()) => line(format_args!("removed {name}"))?,
            Err(error) => {
                complain(format_args!("error: {error}"));
                failures += 1;
            }
        }
    }
    match failures {
        0 => Ok(ExitCode::SUCCESS),
        count => Err(CliError::NotRemoved { count }),
    }
}

/// Removes what begins as a segment does, in whatever state it is.
///
/// Of a segment that is damaged nothing else is read: its file might be cut off
/// at any moment.
fn remove_one(name: &str) -> Result<(), CliError> {
    match ShmBackend::open_read_only(name) {
        Ok(_) | Err(HeapError::Truncated { .. } | HeapError::NoAddressSpace { .. }) => {}
        Err(HeapError::NotASegment { .. }) => return Err(not_a_segment(name)),
        Err(error) => return Err(error.into()),
    }
    match begins_as_segment(name) {
        true => Ok(SharedHeap::unlink(name)?),
        false => Err(not_a_segment(name)),
    }
}

fn not_a_segment(name: &str) -> CliError {
    CliError::NotASegment { name: name.into() }
}

fn begins_as_segment(name: &str) -> bool {
    let Ok(found) = SharedHeap::list() else { return false };
    let path = found.iter().find(|info| info.name == name).map(|info| info.path.as_path());
    path.is_some_and(|path| starts_with_magic(path).unwrap_or(false))
}

fn starts_with_magic(path: &Path) -> std::io::Result<bool> {
    let mut bytes = MAGIC.map(|_| 0);
    File::open(path)?.read_exact(&mut bytes)?;
    Ok(bytes == MAGIC)
}
