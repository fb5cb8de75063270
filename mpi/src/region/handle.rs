//! How a rank finds a region of another.

use std::num::NonZeroU32;

use anymem_core::region::{Geometry, RegionId};

/// Where an [`Exported`](crate::Exported) region is: whoever has this can
/// [open](crate::MpiRegion::open) it from another rank. It is sent as
/// [bytes](Self::to_bytes), by whatever way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    pub(super) rank: u32,
    pub(super) id: RegionId,
    pub(super) geometry: Geometry,
    /// Where its table is in the rank's arena.
    pub(super) table: u64,
}

impl Handle {
    /// How many bytes a handle is.
    pub const BYTES: usize = 32;

    /// The rank whose region it is.
    #[must_use]
    pub fn rank(&self) -> u32 {
        self.rank
    }

    /// The region's bytes and pages.
    #[must_use]
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// The handle, to be sent.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let who = u64::from(self.rank) << 32 | u64::from(self.id.number());
        let (bytes, page) = (self.geometry.bytes() as u64, self.geometry.page_size() as u64);
        let mut sent = [0; Self::BYTES];
        for (to, word) in sent.chunks_exact_mut(8).zip([who, bytes, page, self.table]) {
            to.copy_from_slice(&word.to_ne_bytes());
        }
        sent
    }

    /// The handle that was sent as these bytes; `None` if none was.
    #[must_use]
    pub fn from_bytes(sent: &[u8]) -> Option<Self> {
        let sent: &[u8; Self::BYTES] = sent.try_into().ok()?;
        let mut words = [0; 4];
        for (word, from) in words.iter_mut().zip(sent.chunks_exact(8)) {
            *word = u64::from_ne_bytes(from.try_into().ok()?);
        }
        let [who, bytes, page, table] = words;
        let (bytes, page) = (usize::try_from(bytes).ok()?, usize::try_from(page).ok()?);
        Some(Self {
            rank: (who >> 32) as u32,
            id: RegionId::new(NonZeroU32::new(who as u32)?),
            geometry: Geometry::new(bytes, page)?,
            table,
        })
    }
}
