//! The machine that all names speak of.

use std::ffi::c_void;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use anymem_gpu_sim::Machine;

/// The machine as the environment wants it, or none if it has no device or cannot be.
pub(crate) fn machine() -> Option<&'static Arc<Machine>> {
    static MACHINE: OnceLock<Option<Arc<Machine>>> = OnceLock::new();
    MACHINE
        .get_or_init(|| Machine::from_environment().ok())
        .as_ref()
        .filter(|machine| machine.devices() > 0)
}

/// The version that a variable of the environment says, or else the usual one.
pub(crate) fn version<V: FromStr>(variable: &str, usual: V) -> V {
    std::env::var(variable).ok().and_then(|it| it.parse().ok()).unwrap_or(usual)
}

/// The arguments of a kernel that takes so many.
///
/// # Safety
///
/// There are as many.
pub(crate) unsafe fn arguments_of<'a>(
    first: *const *const c_void,
    count: usize,
) -> &'a [*const c_void] {
    match count {
        0 => &[],
        // SAFETY: the caller's.
        count => unsafe { std::slice::from_raw_parts(first, count) },
    }
}
