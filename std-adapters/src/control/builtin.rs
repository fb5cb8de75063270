//! What the crate itself hangs into the tree.

use super::Tree;
use crate::ipc;

/// Adds the crate's own settings and counts.
///
/// The knobs added here are set while the tree is being made, so they do not use it.
pub(super) fn add_to(tree: &Tree) {
    let added = tree.add_only("ipc", ipc::Knobs);
    debug_assert!(added.is_ok(), "a new tree is empty");
}
