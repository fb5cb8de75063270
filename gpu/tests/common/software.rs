//! Devices in software of all kinds.

use std::process::Command;

use super::this_program;

/// What the environment says of the software device: streams that take their time, registered
/// memory at other addresses, and a device that has nothing that it need not have.
const SETTINGS: [&[(&str, &str)]; 3] = [
    &[("ANYMEM_GPU_SIM_COMPLETION", "lazy"), ("ANYMEM_GPU_SIM_OTHER_ADDRESS", "1")],
    &[("ANYMEM_GPU_SIM_COMPLETION", "background")],
    &[("ANYMEM_GPU_SIM_WITHOUT", "managed,ipc,stream-ordered,virtual-memory,host-atomics")],
];

/// This program on software devices, each by the name of its driver.
pub(crate) fn in_software() -> impl Iterator<Item = (&'static str, Command)> {
    SETTINGS.iter().map(|settings| ("sim", with(settings)))
}

fn with(settings: &[(&str, &str)]) -> Command {
    let mut program = this_program();
    program.envs(settings.iter().copied());
    program
}
