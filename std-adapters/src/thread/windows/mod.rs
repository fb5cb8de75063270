//! Threads and processes of Windows.

mod address;
pub(crate) mod fork;
mod liveness;
mod locals;
mod model;

pub use model::WindowsModel;

#[link(name = "ntdll")]
unsafe extern "system" {
    fn RtlDllShutdownInProgress() -> u8;
}

/// Whether other threads were ended wherever they were, and may have left locks behind:
/// the process ends.
pub(crate) fn is_torn_down() -> bool {
    // SAFETY: the call takes nothing.
    unsafe { RtlDllShutdownInProgress() != 0 }
}
