//! What commands do when their time has come.

use std::ptr::{self, NonNull};

use super::{Device, Machine};
use crate::Trap;
use crate::command::{Command, HostBytes, Place};
use crate::ptx::{self, Grid, LaunchError, Limits, Reason};
use crate::space::{Access, Space};

/// Bytes that can be touched, piece by piece.
type Pieces = Vec<(NonNull<u8>, usize)>;

impl Machine {
    /// Does a command of a device, unless that is lost.
    pub(super) fn perform(&self, device: u32, command: Command) {
        let Ok(device) = self.device(device) else { return };
        if device.is_alive().is_ok()
            && let Err(cause) = device.perform(command)
        {
            self.lose(device.number, cause);
        }
    }
}

impl Device<'_> {
    fn perform(self, command: Command) -> Result<(), Trap> {
        match command {
            Command::Nothing => Ok(()),
            Command::Copy { to, from, bytes } => self.do_copy(&to, &from, bytes),
            Command::Fill { address, byte, bytes } => self.do_fill(address, byte, bytes),
            Command::Free { address } => {
                self.drop_block(address).map_err(|_| Trap::IllegalAddress { address })
            }
            Command::Launch { code, kernel, grid, arguments } => {
                self.do_launch(&code, &kernel, grid, &arguments)
            }
            Command::Call(function) => {
                function();
                Ok(())
            }
        }
    }

    /// The address space is locked meanwhile, so that nothing of it goes away.
    fn do_copy(self, to: &Place, from: &Place, bytes: usize) -> Result<(), Trap> {
        let space = self.machine.space();
        let to = pieces(&space, to, bytes, Access::Write)?;
        let from = pieces(&space, from, bytes, Access::Read)?;
        for (to, from, bytes) in side_by_side(&to, &from) {
            // SAFETY: the space has just said that these bytes are there, and the caller of
            // `copy` promised the same of the processor's.
            unsafe { ptr::copy(from.as_ptr(), to.as_ptr(), bytes) };
        }
        Ok(())
    }

    fn do_fill(self, address: u64, byte: u8, bytes: usize) -> Result<(), Trap> {
        let space = self.machine.space();
        let place = Place::Device { device: self.number, address };
        for (at, bytes) in pieces(&space, &place, bytes, Access::Write)? {
            // SAFETY: as in `do_copy`.
            unsafe { ptr::write_bytes(at.as_ptr(), byte, bytes) };
        }
        Ok(())
    }

    fn do_launch(
        self,
        code: &ptx::Module,
        kernel: &str,
        grid: Grid,
        arguments: &[u64],
    ) -> Result<(), Trap> {
        let view = self.machine.space().view(self.number);
        let find = |address, bytes, access| {
            view.find(
                address,
                bytes,
                match access {
                    ptx::Access::Read => Access::Read,
                    ptx::Access::Write => Access::Write,
                },
            )
        };
        let Some(kernel) = code.kernel(kernel) else { return Ok(()) };
        // SAFETY: the view has bytes of the device, and the caller of `launch` promised the rest.
        match unsafe { kernel.run(grid, arguments, &find, Limits::default()) } {
            Err(LaunchError::Fault(fault)) => Err(trap(fault.reason)),
            // `launch` has refused what else is wrong.
            _ => Ok(()),
        }
    }
}

fn trap(reason: Reason) -> Trap {
    match reason {
        Reason::Address { address, .. } => Trap::IllegalAddress { address },
        Reason::Misaligned { address, .. } => Trap::Misaligned { address },
        Reason::Endless { .. } => Trap::Endless,
        Reason::TooDeep => Trap::TooDeep,
    }
}

fn pieces(space: &Space, place: &Place, bytes: usize, access: Access) -> Result<Pieces, Trap> {
    match place {
        Place::Device { device, address } => space
            .pieces(*device, *address, bytes, access)
            .map_err(|address| Trap::IllegalAddress { address }),
        Place::Host(HostBytes(at)) => Ok(vec![(*at, bytes)]),
        Place::Staged(read) => Ok(vec![(NonNull::from(read.as_slice()).cast(), bytes)]),
    }
}

/// The same bytes of both, cut wherever one of them is.
fn side_by_side(
    to: &[(NonNull<u8>, usize)],
    from: &[(NonNull<u8>, usize)],
) -> Vec<(NonNull<u8>, NonNull<u8>, usize)> {
    let mut both = Vec::new();
    let (mut to, mut from) = (to.iter().copied(), from.iter().copied());
    let (mut left, mut right) = (to.next(), from.next());
    while let (Some((to_at, to_bytes)), Some((from_at, from_bytes))) = (left, right) {
        let here = to_bytes.min(from_bytes);
        both.push((to_at, from_at, here));
        left = rest(to_at, to_bytes, here).or_else(|| to.next());
        right = rest(from_at, from_bytes, here).or_else(|| from.next());
    }
    both
}

/// What is left of a piece, if anything is.
fn rest(at: NonNull<u8>, bytes: usize, done: usize) -> Option<(NonNull<u8>, usize)> {
    // SAFETY: the piece is longer than what was done of it.
    (bytes > done).then(|| (unsafe { at.add(done) }, bytes - done))
}
