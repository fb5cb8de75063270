//! A backend formatted with the anymem layout.
//!
//! A [`Segment`] is one process's view of it: the backend, the verified
//! geometry, and this process's threading system. It can be created, attached,
//! and asked for its heap slots and named roots. Allocators are built on it.

mod config;
mod error;
mod exchange;
mod geometry;
mod header;
mod latch;
mod parts;
mod peers;
mod roots;
mod slot_table;
mod step;

pub use config::Config;
pub use error::{AttachError, CreateError};
pub use exchange::{ExchangeRecord, Outcome, Terms};
pub use geometry::Geometry;
pub(crate) use geometry::{GUESTS, WORD, WORD_BITS};
pub(crate) use header::{Counter, shared_hint_at};
pub use header::{MAGIC, Summary, VERSION};
pub use latch::{Latch, Visitor};
pub use parts::Part;
pub use roots::{
    Difference, Member, MemberKind, NAME_MAX, Root, RootError, Roots, Schema, Shape, Text, TypeTag,
};
pub use slot_table::{DeadHolder, SlotTable};
pub use step::{Step, StepRecord};

use self::peers::Peers;

use crate::backend::Backend;
use crate::offset::{AllocatorId, Offset};
use crate::secure::Secret;
use crate::sync::Bytes;
use crate::thread::{Owner, ThreadModel};

/// A backend that holds a segment, as this process sees it.
#[derive(Debug)]
pub struct Segment<B, T, const SHIFT: u32> {
    backend: B,
    model: T,
    geometry: Geometry<SHIFT>,
    id: AllocatorId,
    secret: Secret,
    resident: bool,
}

impl<B: Backend, T: ThreadModel, const SHIFT: u32> Segment<B, T, SHIFT> {
    const SLAB_FITS: () =
        assert!(B::ALIGN >= Geometry::<SHIFT>::SLAB, "the backend's alignment is below a slab");

    /// Formats `backend`; whatever was in it is lost.
    ///
    /// # Errors
    ///
    /// See [`CreateError`].
    pub fn create(backend: B, model: T, config: &Config) -> Result<Self, CreateError> {
        const { Self::SLAB_FITS }
        let (header, geometry) = header::begin(&backend, model.owner(), config)?;
        let secret = Secret::new(header.secret);
        let (id, resident) = (config.id, header.resident != 0);
        let segment = Self { backend, model, geometry, id, secret, resident };
        header::finish(segment.bytes());
        Ok(segment)
    }

    /// Takes `backend` for a segment that somebody made, after verifying it.
    ///
    /// # Errors
    ///
    /// See [`AttachError`].
    pub fn attach(backend: B, model: T) -> Result<Self, AttachError> {
        const { Self::SLAB_FITS }
        let (header, geometry) =
            header::verify(&backend, &Peers { backend: &backend, model: &model })?;
        let (id, secret) = (AllocatorId::from_u64(header.id), Secret::new(header.secret));
        let resident = header.resident != 0;
        Ok(Self { backend, model, geometry, id, secret, resident })
    }

    /// The heap's id.
    #[must_use]
    pub fn id(&self) -> AllocatorId {
        self.id
    }

    /// Where the bytes come from.
    #[must_use]
    pub fn backend(&self) -> &B {
        &self.backend
    }

    /// This process's threading system.
    #[must_use]
    pub fn model(&self) -> &T {
        &self.model
    }

    /// Whether the space behind slabs is never given back: see [`Config::resident`].
    #[must_use]
    pub fn is_resident(&self) -> bool {
        self.resident
    }

    /// What a hardened heap is keyed with.
    #[inline]
    pub(crate) fn secret(&self) -> Secret {
        self.secret
    }

    /// Where everything stands.
    #[must_use]
    #[inline]
    pub fn geometry(&self) -> &Geometry<SHIFT> {
        &self.geometry
    }

    /// The named roots.
    #[must_use]
    pub fn roots(&self) -> Roots<'_> {
        Roots::new(
            self.bytes(),
            (self.geometry.roots_at, Geometry::<SHIFT>::ROOT, self.geometry.roots),
            self.backend.read_only(),
            self,
        )
    }

    /// Who holds heap slots, an entry a slot.
    pub fn holders(&self) -> impl Iterator<Item = Owner> + '_ {
        let bytes = self.bytes();
        (0..self.geometry.slots).filter_map(move |slot| {
            SlotTable::new(&bytes, Offset::new(self.geometry.states_at), self.geometry.slots)
                .holder(slot)
        })
    }

    /// All bytes of the segment.
    #[must_use]
    #[inline]
    pub(crate) fn bytes(&self) -> Bytes<'_> {
        // SAFETY: the backend keeps `base()..base() + len()` valid while it
        // lives, and the geometry's length was checked against it; all
        // accesses follow the protocols of this crate.
        unsafe { Bytes::new(self.backend.base(), self.geometry.len) }
    }
}
