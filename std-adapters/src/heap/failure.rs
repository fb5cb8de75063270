//! What core's errors mean for a heap with a name.

use anymem_core::segment::{AttachError, CreateError};

use crate::error::HeapError;

/// What is wrong with the heap `name` that was to be created.
pub(crate) fn of_create(error: CreateError, name: &str) -> HeapError {
    let name = name.to_owned();
    match error {
        CreateError::TooSmall { len, slots } => HeapError::TooSmall { size: len.into(), slots },
        CreateError::NoSpace(error) => HeapError::NoSpace { name, error },
        CreateError::NullId => HeapError::NullId,
        CreateError::TooManySlots { slots, most } => HeapError::TooManySlots { slots, most },
        CreateError::ReadOnly => HeapError::Permission { name, action: "create" },
        CreateError::Misaligned { .. } => HeapError::Damaged { name, what: error.to_string() },
    }
}

/// What is wrong with the heap `name` that was to be attached.
pub(super) fn of_attach(error: AttachError, name: &str) -> HeapError {
    let name = name.to_owned();
    match error {
        AttachError::TooShort { len, needed } => {
            HeapError::Truncated { name, length: len as u64, needed: needed as u64 }
        }
        AttachError::Truncated { len, expected } => {
            HeapError::Truncated { name, length: len, needed: expected }
        }
        AttachError::NotASegment { .. } => {
            HeapError::NotASegment { name, why: "does not begin as one does" }
        }
        AttachError::OtherVersion { found, expected } => {
            HeapError::OtherVersion { name, found, expected }
        }
        AttachError::OtherByteOrder => {
            HeapError::OtherLayout { name, why: "the other byte order".into() }
        }
        AttachError::OtherLayout { found, expected } => {
            let why = format!("fingerprint {found:#018x}, here {expected:#018x}");
            HeapError::OtherLayout { name, why }
        }
        AttachError::OtherHardening { hardened } => {
            let why = if hardened { "hardened, unlike here" } else { "not hardened, unlike here" };
            HeapError::OtherLayout { name, why: why.into() }
        }
        AttachError::StillCreating { creator } => {
            HeapError::StillCreating { name, creator: creator.pid }
        }
        AttachError::CreatorDied { creator } => {
            HeapError::CreatorDied { name, creator: creator.pid }
        }
        AttachError::Damaged | AttachError::Misaligned { .. } => {
            HeapError::Damaged { name, what: error.to_string() }
        }
    }
}
