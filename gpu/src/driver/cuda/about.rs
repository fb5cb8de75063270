//! What is known of an address.

use std::ffi::c_void;

use anymem::provider::MemoryKind;

use super::context::Current;
use crate::GpuError;
use crate::driver::About;

/// CUDA's numbers of what can be asked of an address, in the order of [`Answer`].
const ATTRIBUTES: [u32; 7] = [
    2,  // MEMORY_TYPE
    3,  // DEVICE_POINTER
    7,  // BUFFER_ID
    8,  // IS_MANAGED
    9,  // DEVICE_ORDINAL
    11, // RANGE_START_ADDR
    12, // RANGE_SIZE
];

/// `CU_MEMORYTYPE_HOST`, `CU_MEMORYTYPE_DEVICE`; nothing is known of what has neither.
const HOST: u64 = 1;
const DEVICE: u64 = 2;

impl Current<'_> {
    /// What is known of an address, of whichever device it is.
    pub(super) fn about(&self, address: u64) -> Result<Option<About>, GpuError> {
        // Some are narrower than a word, and fill its lower bytes.
        let mut values = [0_u64; ATTRIBUTES.len()];
        let places = values.each_mut().map(|it| (&raw mut *it).cast::<c_void>());
        let (count, attributes) = (ATTRIBUTES.len() as u32, ATTRIBUTES.as_ptr());
        // SAFETY: there is a word for each of as many attributes.
        self.ask(|api| unsafe { api.about(count, attributes, places.as_ptr(), address) })?;
        let [owner, here, id, managed, number, start, bytes] = values;
        let (kind, device) = match owner {
            HOST if managed == 0 => (MemoryKind::Host, None),
            HOST | DEVICE if managed != 0 => (MemoryKind::Managed, u32::try_from(number).ok()),
            DEVICE => (MemoryKind::Device, u32::try_from(number).ok()),
            _ => return Ok(None),
        };
        // Of host memory that was asked for by the processor's address.
        let start = address.wrapping_sub(here.wrapping_sub(start));
        Ok(Some(About { kind, device, start, bytes: bytes as usize, id: Some(id) }))
    }
}
