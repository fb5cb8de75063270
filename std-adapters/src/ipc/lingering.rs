//! Offers that have ended, of blocks that others may still have open.

use std::collections::HashMap;

use super::offers::Block;
use crate::sys::file_id::FileId;

/// The slots of such offers, by their files.
///
/// A slot is not given to another offer before nobody uses this one: it is by the slot that
/// others count what they use.
#[derive(Debug, Default)]
pub(super) struct Lingering(HashMap<FileId, Vec<(Block, u32)>>);

impl Lingering {
    pub(super) fn add(&mut self, file: FileId, block: Block, slot: u32) {
        self.0.entry(file).or_default().push((block, slot));
    }

    /// Whether a block with bytes in the range is used; what none is any more is `free`.
    pub(super) fn look(
        &mut self,
        file: FileId,
        offset: u64,
        len: u64,
        is_used: impl Fn(u32) -> bool,
        mut free: impl FnMut(u32),
    ) -> bool {
        let Some(ended) = self.0.get_mut(&file) else { return false };
        let end = offset.saturating_add(len);
        let mut found = false;
        ended.retain(|((at, len, _), slot)| {
            if *at >= end || at.saturating_add(*len) <= offset {
                return true;
            }
            let stays = is_used(*slot);
            if !stays {
                free(*slot);
            }
            found |= stays;
            stays
        });
        found
    }

    /// Frees all slots of a file.
    pub(super) fn forget(&mut self, file: FileId, free: impl FnMut(u32)) {
        let ended = self.0.remove(&file).unwrap_or_default();
        ended.into_iter().map(|(_, slot)| slot).for_each(free);
    }
}
