// A program whose objects are in the memory `Target`, whatever that is. It is included where
// there is such a name, once for each memory.

use anymem::memory::{MemRead, MemSlice, MemWrite, MemoryError, Route, Standard};

/// What happened on the way, and what came of it.
pub(crate) struct Done {
    pub(crate) to: Route,
    pub(crate) from: Route,
    pub(crate) sum: u64,
}

/// The proposal's example: an array goes to the device, is worked on there, comes back.
pub(crate) fn run(memory: &Target, len: usize) -> Result<Done, MemoryError> {
    let host: Vec<u64> = (0..len as u64).collect();
    let here = MemSlice::from_slice(&host, Standard::default())?;
    let (mut there, to) = here.to_memory(memory)?;
    there.update(1, |element| element + 1)?;
    there.part_mut(2..)?.update_each(|_, element| *element *= 2)?;
    let (back, from) = there.to_memory(Standard::default())?;
    Ok(Done { to, from, sum: back.as_slice().iter().sum() })
}
