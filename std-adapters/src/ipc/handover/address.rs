//! Where memory is handed over.

use core::convert::Infallible;
use core::fmt;
use core::str::FromStr;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::SocketAddrUnix;

use super::super::handle::OwnerId;

/// Where memory is handed over: the path of a socket, or `@` and an abstract name, which
/// is no file and goes with the process.
///
/// Abstract names mean something within one network namespace, paths wherever they can be
/// seen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// Where a process serves if it says nothing else.
    pub(in super::super) fn of(owner: OwnerId) -> Self {
        Self(format!("@anymem-ipc.{}.{:08x}", owner.pid, owner.token))
    }

    /// The path, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        (!self.0.starts_with('@')).then(|| Path::new(&self.0))
    }

    pub(super) fn to_socket(&self) -> Result<SocketAddrUnix, Errno> {
        match self.0.strip_prefix('@') {
            Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes()),
            None => SocketAddrUnix::new(self.0.as_str()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}
