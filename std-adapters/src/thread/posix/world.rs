//! Where a process id means something: one boot of one machine, one PID
//! namespace.

use core::mem::MaybeUninit;

use crate::sys::proc::ProcPath;

/// A number for the place where this process's id means this process.
///
/// Where `/proc` does not tell, all places look alike.
pub(super) fn number() -> u64 {
    let mut boot = [0_u8; 64];
    let path = ProcPath::new(format_args!("/proc/sys/kernel/random/boot_id"));
    let boot = path.read(&mut boot).unwrap_or_default();
    hash(boot.iter().copied().chain(namespace().to_ne_bytes()))
}

/// The number of this process's PID namespace.
fn namespace() -> u64 {
    let path = ProcPath::new(format_args!("/proc/self/ns/pid"));
    let mut found = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the path ends in a zero byte, and the structure is writable.
    match unsafe { libc::stat(path.as_ptr(), found.as_mut_ptr()) } {
        // SAFETY: the call succeeded, so it filled the structure.
        0 => unsafe { found.assume_init().st_ino },
        _ => 0,
    }
}

/// FNV-1a, its bits mixed once more.
fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    let spread = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (spread ^ spread >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
