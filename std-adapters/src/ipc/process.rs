//! Descriptors of other processes.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// Takes the descriptor `number` of a process: by `pidfd_getfd`, or through `/proc`, as
/// [`open`](super::open) does for memory without a name.
///
/// # Errors
///
/// `ESRCH` if there is no such process, `EBADF` if it has no such descriptor, `EPERM` if this
/// process may not debug it, and what else the system refuses.
pub fn take_descriptor(pid: u32, number: i32) -> io::Result<OwnedFd> {
    Ok(Process::open(pid)?.take(number)?)
}

/// A process whose descriptors can be taken.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    /// None where the kernel has no such thing.
    handle: Option<OwnedFd>,
}

impl Process {
    pub(super) fn open(pid: u32) -> Result<Self, Errno> {
        let id = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH)?;
        match pidfd_open(id, PidfdFlags::empty()) {
            Ok(handle) => Ok(Self { pid, handle: Some(handle) }),
            Err(Errno::NOSYS) => Ok(Self { pid, handle: None }),
            Err(error) => Err(error),
        }
    }

    /// Takes a descriptor: by `pidfd_getfd`, or through `/proc`.
    pub(super) fn take(&self, number: i32) -> Result<OwnedFd, Errno> {
        if number < 0 {
            return Err(Errno::BADF);
        }
        match self.handle.as_ref().map(|it| pidfd_getfd(it, number, PidfdGetfdFlags::empty())) {
            None | Some(Err(Errno::NOSYS | Errno::PERM)) => self.open_in_proc(number),
            Some(result) => result,
        }
    }

    fn open_in_proc(&self, number: i32) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let path = format!("/proc/{}/fd/{number}", self.pid);
        match rustix::fs::open(path, flags, Mode::empty()) {
            // What is hidden is not gone.
            Err(Errno::NOENT) if self.handle.is_some() => Err(Errno::PERM),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;

    use super::super::IpcError;
    use super::super::owners::no_access;
    use super::super::view::id_of;
    use super::*;

    #[test]
    fn a_descriptor_is_taken_through_proc_where_the_kernel_has_no_other_way() {
        let file = rustix::fs::memfd_create(c"own", rustix::fs::MemfdFlags::CLOEXEC).expect("made");
        let process = Process { pid: std::process::id(), handle: None };
        let taken = process.take(file.as_raw_fd()).expect("it is there");
        assert_eq!(id_of(&taken), id_of(&file));
        assert_eq!(process.take(-1).expect_err("no number"), Errno::BADF);
        let gone = Process { pid: u32::MAX, handle: None }.take(3).expect_err("no process");
        assert_eq!(no_access(9, gone), IpcError::OwnerGone { pid: 9 });
    }

    #[test]
    fn a_descriptor_that_was_taken_is_the_same_file() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let own = take_descriptor(std::process::id(), writer.as_raw_fd()).expect("it is there");
        drop(writer);
        let mut file = std::fs::File::from(own);
        file.write_all(b"there").expect("room");
        drop(file);
        let mut said = String::new();
        reader.read_to_string(&mut said).expect("all closed");
        assert_eq!(said, "there");
        let gone = take_descriptor(std::process::id(), i32::MAX).expect_err("no such number");
        assert_eq!(gone.raw_os_error(), Some(Errno::BADF.raw_os_error()));
    }
}
