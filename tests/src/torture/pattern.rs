//! What blocks are filled with: words that tell a block and a place in it.

use std::ptr::NonNull;
use std::slice;

const WORD: usize = 8;

/// What stands in the word number `index` of a block with that tag.
fn word(tag: u64, index: usize) -> [u8; WORD] {
    tag.wrapping_add((index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_ne_bytes()
}

/// Fills `len` bytes.
///
/// # Safety
///
/// `len` bytes can be written there, and are nobody else's.
pub(super) unsafe fn fill(start: NonNull<u8>, len: usize, tag: u64) {
    // SAFETY: as promised by the caller.
    let bytes = unsafe { slice::from_raw_parts_mut(start.as_ptr(), len) };
    let mut words = bytes.chunks_exact_mut(WORD);
    let whole = len / WORD;
    words.by_ref().enumerate().for_each(|(index, to)| to.copy_from_slice(&word(tag, index)));
    let rest = words.into_remainder();
    rest.copy_from_slice(&word(tag, whole)[..rest.len()]);
}

/// The first of `len` bytes that is not as [`fill`] left it.
///
/// # Safety
///
/// `len` bytes can be read there, and nobody writes to them.
pub(super) unsafe fn spoilt(start: NonNull<u8>, len: usize, tag: u64) -> Option<usize> {
    // SAFETY: as promised by the caller.
    let bytes = unsafe { slice::from_raw_parts(start.as_ptr(), len) };
    let chunks = bytes.chunks(WORD).enumerate();
    let differs = |(index, found): (usize, &[u8])| {
        let expected = &word(tag, index)[..found.len()];
        let at = found.iter().zip(expected).position(|(one, other)| one != other)?;
        Some(index * WORD + at)
    };
    let mut whole = bytes.chunks_exact(WORD).enumerate();
    let same = whole.by_ref().all(|(index, found)| found == word(tag, index));
    let rest = bytes.len() / WORD * WORD;
    let tail = &word(tag, bytes.len() / WORD)[..bytes.len() - rest];
    if same && &bytes[rest..] == tail { None } else { chunks.into_iter().find_map(differs) }
}
