//! Names of shared memory.

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::os::fd::FromRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::ProviderError;
use crate::sys::errno;
use crate::sys::file_id::FileId;

/// A name of POSIX shared memory, which goes when this is dropped.
#[derive(Debug)]
pub(super) struct Named {
    name: CString,
    id: FileId,
    /// A forked child's copy takes nothing away from its parent.
    maker: u32,
}

impl Named {
    /// Makes an empty file of that name, for its owner alone.
    pub(super) fn create(name: &str) -> Result<(File, Self), ProviderError> {
        let bad = |why: &str| {
            let (value, why) = (format!("{name:?}"), why.to_owned());
            ProviderError::BadSetting { setting: "the name of shared memory", value, why }
        };
        if name.is_empty() || name.len() > 200 || name.contains('/') || matches!(name, "." | "..") {
            return Err(bad("use 1 to 200 bytes without a slash"));
        }
        let c_name = CString::new(format!("/{name}")).map_err(|_| bad("it has a zero byte"))?;
        let flags = libc::O_CREAT | libc::O_EXCL | libc::O_RDWR;
        let careful = libc::O_NOFOLLOW | libc::O_CLOEXEC;
        // SAFETY: the name ends in a zero byte and outlives the call.
        let fd = unsafe { libc::shm_open(c_name.as_ptr(), flags | careful, 0o600) };
        if fd < 0 {
            return Err(match errno() {
                libc::EEXIST => bad("it is in use: take another, or remove it first"),
                code => system("shm_open", name, code),
            });
        }
        // SAFETY: the descriptor was just made, and nobody else has it.
        let file = unsafe { File::from_raw_fd(fd) };
        let code = |error: std::io::Error| error.raw_os_error().unwrap_or(0);
        let found = file.metadata().map_err(|error| system("fstat", name, code(error)))?;
        let id = FileId { device: found.dev(), inode: found.ino() };
        let named = Self { name: c_name, id, maker: std::process::id() };
        // The mode given above was subject to the umask.
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(|error| system("fchmod", name, code(error)))?;
        Ok((file, named))
    }

    /// Whether the name still is that of the same file.
    fn is_own(&self) -> bool {
        let path = format!("/dev/shm{}", self.name.to_string_lossy());
        fs::symlink_metadata(Path::new(&path))
            .is_ok_and(|it| (it.dev(), it.ino()) == (self.id.device, self.id.inode))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        if self.maker == std::process::id() && self.is_own() {
            // SAFETY: the name ends in a zero byte and outlives the call.
            let _ = unsafe { libc::shm_unlink(self.name.as_ptr()) };
        }
    }
}

fn system(call: &'static str, name: &str, code: i32) -> ProviderError {
    ProviderError::System { call, what: format!("shared memory named {name:?}"), code }
}
