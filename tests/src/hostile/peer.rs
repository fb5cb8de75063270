//! Processes that change a heap while another one uses it.

use super::drive::Kind;
use super::scene::Scene;
use crate::{Random, end_with};

/// Starts a process that changes bytes of `scene` until this one ends.
///
/// It harms metadata; of a driver of containers, those.
pub(super) fn harm_from_afar(scene: &Scene, kind: Option<Kind>, seed: u64) {
    let driver = std::process::id() as libc::pid_t;
    // SAFETY: this process has one thread, and the child only writes to memory
    // that it shares.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no process can be started");
    if child > 0 {
        return;
    }
    end_with(driver);
    let targets = if kind == Some(Kind::Containers) { &scene.containers } else { &scene.metadata };
    let mut random = Random::new(!seed);
    loop {
        targets.harm(&scene.memory, &mut random);
        for _ in 0..random.below(2000) {
            std::hint::spin_loop();
        }
    }
}
