//! Files that become visible under their name only when they are complete.
//!
//! A [`Draft`] is a file that nobody can open: it has no name at all
//! (`O_TMPFILE`), or, on file systems that cannot do that, a private one that
//! no attacher looks for. [`Draft::publish`] links it to its name in one step,
//! which fails if the name exists. A creator that dies before leaves nothing
//! behind, or a file under a private name.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::sys::file_id::FileId;
use crate::sys::random;

/// Flags of every open: no links followed, nothing left to programs started.
const CAREFUL: i32 = libc::O_NOFOLLOW | libc::O_CLOEXEC;

/// What names of drafts begin with, where drafts need names.
pub(crate) const DRAFT_PREFIX: &str = ".anymem-draft.";

/// A file without its final name.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The private name, for drafts that need one.
    temporary: Option<PathBuf>,
}

impl Draft {
    /// Makes an empty file in `dir` with exactly the permission bits `mode`.
    pub(crate) fn create(dir: &Path, mode: u32) -> io::Result<(File, Self)> {
        let (file, draft) = match Self::unnamed(dir) {
            Err(error) if lacks_unnamed(&error) => Self::temporary(dir),
            result => result,
        }?;
        // The mode given to `open` would be subject to the umask.
        file.set_permissions(Permissions::from_mode(mode))?;
        Ok((file, draft))
    }

    fn unnamed(dir: &Path) -> io::Result<(File, Self)> {
        let flags = libc::O_TMPFILE | libc::O_CLOEXEC;
        let file = for_writing().custom_flags(flags).open(dir)?;
        Ok((file, Self { temporary: None }))
    }

    fn temporary(dir: &Path) -> io::Result<(File, Self)> {
        let name = format!("{DRAFT_PREFIX}{}.{:016x}", std::process::id(), random());
        let path = dir.join(name);
        let file = for_writing().create_new(true).custom_flags(CAREFUL).open(&path)?;
        Ok((file, Self { temporary: Some(path) }))
    }

    /// Gives the file the name `to`.
    ///
    /// Fails with [`io::ErrorKind::AlreadyExists`] if there is one already.
    pub(crate) fn publish(&self, file: &File, to: &Path) -> io::Result<()> {
        match &self.temporary {
            Some(from) => fs::hard_link(from, to),
            None => link_by_number(file, to),
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(path) = &self.temporary {
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens what is at `path`: never through a link, and without waiting for the
/// other end of a pipe.
pub(crate) fn open(path: &Path, writable: bool) -> io::Result<File> {
    let flags = CAREFUL | libc::O_NONBLOCK;
    OpenOptions::new().read(true).write(writable).custom_flags(flags).open(path)
}

/// Takes the name `path` away from its file.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Which file is at `path`, which may be a link.
pub(crate) fn id_at(path: &Path) -> Option<FileId> {
    let found = fs::symlink_metadata(path).ok()?;
    Some(FileId { device: found.dev(), inode: found.ino() })
}

fn for_writing() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

/// Whether the error says that the file system has no unnamed files.
fn lacks_unnamed(error: &io::Error) -> bool {
    let codes = [libc::EOPNOTSUPP, libc::EISDIR, libc::EINVAL];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// Links an unnamed file, by its entry in `/proc` or, where there is no
/// `/proc`, by its number alone (which older kernels allow only the superuser).
fn link_by_number(file: &File, to: &Path) -> io::Result<()> {
    let entry = c_string(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))?;
    let target = c_string(to)?;
    let link = |from_dir, from: &CString, flags| {
        // SAFETY: both strings end in a zero byte and outlive the call.
        let result = unsafe {
            libc::linkat(from_dir, from.as_ptr(), libc::AT_FDCWD, target.as_ptr(), flags)
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    match link(libc::AT_FDCWD, &entry, libc::AT_SYMLINK_FOLLOW) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            link(file.as_raw_fd(), &CString::default(), libc::AT_EMPTY_PATH)
        }
        result => result,
    }
}

fn c_string(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("anymem-draft-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a directory for the test");
        path
    }

    /// Publishes a draft, then another under the same name.
    fn check(dir: &Path, make: impl Fn() -> (File, Draft)) {
        let target = dir.join("name");
        let (file, draft) = make();
        draft.publish(&file, &target).expect("the name is free");
        drop(draft);
        let found = fs::symlink_metadata(&target).expect("published");
        assert_eq!(found.ino(), file.metadata().expect("open").ino());
        let (second, draft) = make();
        let error = draft.publish(&second, &target).expect_err("the name is taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        drop(draft);
        fs::remove_file(&target).expect("still there");
        fs::remove_dir(dir).expect("no draft is left in the directory");
    }

    #[test]
    fn a_draft_is_published_once() {
        let dir = directory("first");
        check(&dir, || Draft::create(&dir, 0o640).expect("a draft"));
    }

    #[test]
    fn a_draft_with_a_private_name_is_published_once() {
        let dir = directory("private");
        check(&dir, || Draft::temporary(&dir).expect("a draft"));
    }

    #[test]
    fn an_unnamed_draft_is_published_once() {
        let dir = directory("unnamed");
        check(&dir, || Draft::unnamed(&dir).expect("a draft"));
    }
}
