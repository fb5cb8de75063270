//! Memory of a device that has no address of itself.

use std::os::fd::{AsFd, OwnedFd};
use std::ptr::NonNull;

use crate::SimError;
use crate::mapping::{Mapping, Touch, memory_file};
use crate::meter::Charge;

/// What its files are called, by which those are told from others.
const LABEL: &str = "anymem-gpu-sim pages";

/// Physical memory: a file, of which each mapping is another view.
#[derive(Debug)]
pub(crate) struct Physical {
    file: OwnedFd,
    inside: Mapping,
    bytes: usize,
    /// Nobody's, if another process has it.
    _charge: Option<Charge>,
}

impl Physical {
    pub(crate) fn new(bytes: usize, charge: Charge) -> Result<Self, SimError> {
        Self::of(memory_file(LABEL, bytes)?, bytes, Some(charge))
    }

    /// Of the file of another process.
    pub(crate) fn import(file: OwnedFd) -> Result<Self, SimError> {
        let foreign = SimError::WrongHandle { what: "no memory of a device" };
        let found = rustix::fs::fstat(&file).map_err(SimError::system("fstat"))?;
        let bytes = usize::try_from(found.st_size).ok().filter(|&it| it > 0);
        match bytes {
            Some(bytes) if is_physical(&file) => Self::of(file, bytes, None),
            _ => Err(foreign),
        }
    }

    fn of(file: OwnedFd, bytes: usize, charge: Option<Charge>) -> Result<Self, SimError> {
        let inside = Mapping::of_file(&file, 0, bytes, Touch::Allowed)?;
        Ok(Self { file, inside, bytes, _charge: charge })
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where its bytes can be touched.
    pub(crate) fn inside(&self) -> NonNull<u8> {
        self.inside.start()
    }

    pub(crate) fn file(&self) -> impl AsFd + '_ {
        self.file.as_fd()
    }

    pub(crate) fn export(&self) -> Result<OwnedFd, SimError> {
        rustix::io::fcntl_dupfd_cloexec(&self.file, 0).map_err(SimError::system("fcntl"))
    }
}

/// Whether a file is one of ours, by its name in `/proc`.
fn is_physical(file: &OwnedFd) -> bool {
    use std::os::fd::AsRawFd;
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    std::fs::read_link(link).is_ok_and(|it| it.to_string_lossy().contains(LABEL))
}
