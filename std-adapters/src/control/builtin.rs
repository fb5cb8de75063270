//! What the crate itself hangs into the tree.

use super::log::LogKnobs;
use super::{Tree, memory};
use crate::ipc;
use crate::pool::DisjointOptions;
use crate::provider::OsOptions;

/// Adds the crate's own settings and counts.
///
/// The knobs added here are set while the tree is being made, so they do not use it.
pub(super) fn add_to(tree: &Tree) {
    for added in [tree.add_only("log", LogKnobs), tree.add_only("ipc", ipc::Knobs)] {
        debug_assert!(added.is_ok(), "a new tree is empty");
    }
    tree.add_family("pool", memory::pools);
    for (kind, class, settings) in [
        ("pool", "disjoint", &DisjointOptions::settings()[..]),
        ("provider", "os", &OsOptions::settings()),
    ] {
        let declared = tree.declare(kind, class, settings);
        debug_assert!(declared.is_ok(), "nothing waits in a new tree");
    }
}
