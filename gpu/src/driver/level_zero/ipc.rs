//! Blocks in other processes.
//!
//! Level Zero's handle begins with the number of a descriptor, which means nothing elsewhere. So
//! the process is written into its last bytes, which drivers leave zero; who opens it takes the
//! descriptor from there ([`take_descriptor`], which the kernel allows to whoever may debug the
//! process), and writes its own number into the handle. A handle without a process is given to
//! the driver as it is: such drivers carry more than a number.

use std::os::fd::{AsRawFd, OwnedFd};

use anymem::ipc::take_descriptor;

use super::super::IpcBytes;
use super::structures::IpcHandle;
use super::table::Word;
use super::{At, some};
use crate::GpuError;

/// Where the process is written: a word that says so, and its number.
const MARK: std::ops::Range<usize> = 56..60;
const PROCESS: std::ops::Range<usize> = 60..64;
const SIGN: [u8; 4] = *b"anyP";

impl At<'_> {
    pub(super) fn export(self, base: Word) -> Result<IpcBytes, GpuError> {
        let mut handle = IpcHandle([0; 64]);
        // SAFETY: the context is the card's; an address that is none is refused.
        self.said(unsafe { self.table.export(self.card.context, base, &mut handle) })?;
        Ok(signed(handle.0, std::process::id()))
    }

    /// # Safety
    ///
    /// As [`Driver::open`](super::super::Driver::open).
    pub(super) unsafe fn open(self, handle: &IpcBytes) -> Result<u64, GpuError> {
        let taken = self.take(handle)?;
        let here = taken.as_ref().map_or(*handle, |own| unsigned(*handle, own.as_raw_fd()));
        let (context, device, mut address) = (self.card.context, self.card.device, 0);
        // SAFETY: the caller's; the descriptor is there until the driver has it.
        let opened = unsafe { self.table.open(context, device, IpcHandle(here), 0, &mut address) };
        self.said(opened)?;
        some("zeMemOpenIpcHandle", address)
    }

    /// # Safety
    ///
    /// As [`Driver::close`](super::super::Driver::close).
    pub(super) unsafe fn close(self, address: Word) -> Result<(), GpuError> {
        // SAFETY: the caller's.
        self.given_back(unsafe { self.table.close(self.card.context, address) })
    }

    /// The descriptor of a handle that names a process.
    fn take(self, handle: &IpcBytes) -> Result<Option<OwnedFd>, GpuError> {
        let Some((process, number)) = signature(handle) else { return Ok(None) };
        take_descriptor(process, number).map(Some).map_err(|error| {
            let code = error.raw_os_error().unwrap_or_default();
            GpuError::Driver { function: "pidfd_getfd", code }
        })
    }
}

/// A handle that says whose descriptor it carries.
fn signed(mut handle: IpcBytes, process: u32) -> IpcBytes {
    if handle[MARK.start..].iter().all(|byte| *byte == 0) {
        handle[MARK].copy_from_slice(&SIGN);
        handle[PROCESS].copy_from_slice(&process.to_ne_bytes());
    }
    handle
}

/// The process that a handle names, and its number for the descriptor.
fn signature(handle: &IpcBytes) -> Option<(u32, i32)> {
    let (_, process) = handle.split_last_chunk()?;
    let (number, _) = handle.split_first_chunk()?;
    (handle[MARK] == SIGN).then(|| (u32::from_ne_bytes(*process), i32::from_ne_bytes(*number)))
}

/// The handle as its owner's driver made it, but with a descriptor of this process.
fn unsigned(mut handle: IpcBytes, number: i32) -> IpcBytes {
    handle[MARK.start..].fill(0);
    handle[..size_of::<i32>()].copy_from_slice(&number.to_ne_bytes());
    handle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_says_whose_descriptor_it_carries() {
        let mut handle = [0; 64];
        handle[..4].copy_from_slice(&7_i32.to_ne_bytes());
        handle[8..16].copy_from_slice(&4096_u64.to_ne_bytes());
        let signed = signed(handle, 1234);
        assert_eq!(signature(&signed), Some((1234, 7)));
        let here = unsigned(signed, 9);
        assert_eq!(here[..4], 9_i32.to_ne_bytes());
        assert_eq!((&here[4..56], &here[56..]), (&handle[4..56], &[0; 8][..]));
    }

    #[test]
    fn a_handle_that_fills_its_bytes_is_left_as_it_is() {
        let full = [0x5a; 64];
        assert_eq!(signed(full, 1234), full);
        assert_eq!(signature(&full), None);
    }
}
