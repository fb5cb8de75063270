//! Files that become visible under their name only when they are complete.
//!
//! A [`Draft`] is a file under a private name. [`Draft::publish`] gives it its own in one
//! step, which fails if there is such a file. A creator that dies before leaves a file under
//! a private name behind.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::ffi::OsStrExt;
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_ATTRIBUTE_TEMPORARY, FILE_FLAG_OPEN_REPARSE_POINT,
    GetFileInformationByHandle, MoveFileExW,
};

use crate::sys::file_id::FileId;
use crate::sys::random;

/// What names of drafts begin with.
const DRAFT_PREFIX: &str = ".anymem-draft.";

/// A file without its final name.
#[derive(Debug)]
pub(crate) struct Draft {
    temporary: PathBuf,
    published: AtomicBool,
}

impl Draft {
    /// Makes an empty file in `dir`, for whom the directory says.
    pub(crate) fn create(dir: &Path) -> io::Result<(File, Self)> {
        let temporary = private_name(dir);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            // Written to the disk only where memory runs short.
            .attributes(FILE_ATTRIBUTE_TEMPORARY)
            .open(&temporary)?;
        Ok((file, Self { temporary, published: AtomicBool::new(false) }))
    }

    /// Gives the file the name `to`.
    ///
    /// Fails with [`io::ErrorKind::AlreadyExists`] if there is one already.
    pub(crate) fn publish(&self, _file: &File, to: &Path) -> io::Result<()> {
        rename(&self.temporary, to)?;
        self.published.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published.load(Ordering::Relaxed) {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// A name in `dir` that nobody else has.
fn private_name(dir: &Path) -> PathBuf {
    dir.join(format!("{DRAFT_PREFIX}{}.{:016x}", std::process::id(), random()))
}

/// Gives a file another name, unless there is a file of that name.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide(from), wide(to));
    // SAFETY: both names end in a zero. Without a flag nothing is replaced.
    let done = unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) } != 0;
    if done { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes the name `path` away from its file, which goes when nobody has it open any more.
///
/// Such a file may keep its name until then, so it gets a private one first.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    let last = private_name(path.parent().unwrap_or(path));
    rename(path, &last)?;
    fs::remove_file(&last).inspect_err(|_| {
        let _ = rename(&last, path);
    })
}

fn wide(path: &Path) -> Vec<u16> {
    path.as_os_str().encode_wide().chain([0]).collect()
}

/// Opens what is at `path`, and not what a link there leads to.
pub(crate) fn open(path: &Path, writable: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(writable).custom_flags(FILE_FLAG_OPEN_REPARSE_POINT).open(path)
}

/// Which file is at `path`.
pub(crate) fn id_at(path: &Path) -> Option<FileId> {
    id_of(&open(path, false).ok()?).ok()
}

/// Which file it is.
pub(crate) fn id_of(file: &File) -> io::Result<FileId> {
    let mut found = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the file is open, and the structure is writable.
    if unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut found) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let inode = u64::from(found.nFileIndexHigh) << 32 | u64::from(found.nFileIndexLow);
    Ok(FileId { device: found.dwVolumeSerialNumber.into(), inode })
}
