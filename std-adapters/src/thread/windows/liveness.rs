//! Whether a process lives.
//!
//! It is known by its id and the time when it was created, which no other process of the
//! same id has. A process whose last thread has ended is there for as long as somebody has
//! it open; waiting for it tells.

use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle, RawHandle};

use anymem_core::thread::Owner;
use windows_sys::Win32::Foundation::{ERROR_INVALID_PARAMETER, FILETIME, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
    PROCESS_SYNCHRONIZE, WaitForSingleObject,
};

use crate::sys::errno;

/// Bits of a process id that owners keep; ids have [`HIGH`] times as many values.
const PID_BITS: u32 = 22;

/// There are at most 2²⁴ handles in the table that ids are taken from, 4 apart.
const HIGH: u32 = 1 << (26 - PID_BITS);

/// When this process was created; 0 if that can't be told.
pub(super) fn own_start() -> u64 {
    // SAFETY: the call takes nothing; what it gives stands for this process.
    created(unsafe { GetCurrentProcess() }).unwrap_or(0)
}

/// Whether `owner` may still act. Yes when in doubt.
pub(super) fn is_alive(owner: Owner) -> bool {
    owner.pid != 0 && (0..HIGH).any(|high| has_id(owner, owner.pid | high << PID_BITS))
}

/// Whether `owner` is the process `pid`, and lives.
fn has_id(owner: Owner, pid: u32) -> bool {
    let Some(process) = open(pid) else {
        // Others' processes may be there and not be ours to look at.
        return errno() != ERROR_INVALID_PARAMETER as i32;
    };
    // SAFETY: the handle is open.
    let has_ended = unsafe { WaitForSingleObject(process.as_raw_handle(), 0) } == WAIT_OBJECT_0;
    !has_ended && is_same(owner, created(process.as_raw_handle()))
}

/// Whether `owner` was created at `start`. Compared as words, for that is how owners are
/// stored.
fn is_same(owner: Owner, start: Option<u64>) -> bool {
    let Some(start) = start.filter(|_| owner.start != 0) else { return true };
    owner.to_word() == (Owner { start, ..owner }).to_word()
}

fn open(pid: u32) -> Option<OwnedHandle> {
    let rights = PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
    // SAFETY: the call touches no memory of this process.
    let process = unsafe { OpenProcess(rights, 0, pid) };
    // SAFETY: what is not null was just opened, and is nobody else's.
    (!process.is_null()).then(|| unsafe { OwnedHandle::from_raw_handle(process) })
}

/// When a process was created, in 100 ns since 1601.
fn created(process: RawHandle) -> Option<u64> {
    let [mut created, mut ended, mut kernel, mut user] = [FILETIME::default(); 4];
    // SAFETY: the structures are writable.
    let told = unsafe {
        GetProcessTimes(process, &raw mut created, &raw mut ended, &raw mut kernel, &raw mut user)
            != 0
    };
    told.then(|| u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives() {
        let (pid, start) = (std::process::id(), own_start());
        assert_ne!(start, 0);
        assert!(is_alive(Owner { pid, start }));
        assert!(is_alive(Owner { pid, start: 0 }));
        assert!(!is_alive(Owner { pid, start: start + 1 }));
        assert!(!is_alive(Owner { pid: 0, start }));
    }
}
