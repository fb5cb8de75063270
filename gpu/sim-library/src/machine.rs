//! The machine that all names speak of.

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
