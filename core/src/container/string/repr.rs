//! Where the bytes of a string are: in place, or in a block.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::slice;

use super::super::ContainerError;
use super::super::heap::{Heap, array_layout, in_order, too_large};
use crate::offset::{AllocatorId, Offset};

/// Bytes that fit in place.
pub(super) const INLINE: usize = 23;

/// The value of the last byte that says that the bytes are in a block.
const IN_BLOCK: u8 = 0xff;

/// Growable bytes, short ones in place.
///
/// The last byte of `words` tells the two forms apart:
///
/// | last byte | word 0 | word 1 | word 2 |
/// |---|---|---|---|
/// | 0–23: the length | bytes 0–7 | bytes 8–15 | bytes 16–22 |
/// | 255 | offset of the block | length | capacity, in 56 bits |
///
/// # Order of stores
///
/// The word with the last byte is stored last when the bytes move to a block,
/// and a block's place before its larger capacity or after its smaller one: a
/// process that dies between leaves text that is cut or mixed up, but points to
/// nothing that is not its own.
#[repr(C)]
pub(super) struct Bytes {
    heap: AllocatorId,
    words: [u64; 3],
}

/// The bytes that a string has in a block.
#[derive(Clone, Copy)]
struct Block {
    at: Offset,
    len: usize,
    capacity: usize,
}

impl Bytes {
    pub(super) const fn new(heap: AllocatorId) -> Self {
        Self { heap, words: [0; 3] }
    }

    #[inline]
    pub(super) fn heap_id(&self) -> AllocatorId {
        self.heap
    }

    /// Whether the bytes are in place.
    #[inline]
    pub(super) fn is_inline(&self) -> bool {
        self.tag() != IN_BLOCK
    }

    /// The length, as it is stored.
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self.tag() {
            IN_BLOCK => self.block().len,
            len => usize::from(len).min(INLINE),
        }
    }

    /// How many bytes there is room for.
    pub(super) fn capacity(&self) -> usize {
        if self.is_inline() { INLINE } else { self.block().capacity }
    }

    /// The bytes.
    #[inline]
    pub(super) fn as_slice(&self) -> Result<&[u8], ContainerError> {
        let (start, len) = match self.tag() {
            IN_BLOCK => self.block_start()?,
            len if usize::from(len) <= INLINE => (self.inline_start(), usize::from(len)),
            _ => return Err(ContainerError::Corrupt),
        };
        // SAFETY: `len` bytes lie there, in place or in the heap (both checked
        // above); they are the string's and were written before the length.
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), len) })
    }

    /// Appends `more`.
    pub(super) fn append(&mut self, more: &[u8]) -> Result<(), ContainerError> {
        let old = self.as_slice()?.len();
        let new = old.checked_add(more.len()).ok_or(too_large(usize::MAX))?;
        if new > self.capacity() {
            self.exchange(new.max(self.capacity().saturating_mul(2)))?;
        }
        let (start, room) = self.room()?;
        if new > room {
            return Err(ContainerError::Corrupt);
        }
        // SAFETY: `new` is within the capacity, all of which lies in place or
        // in the heap.
        let end = unsafe { start.add(old) };
        // SAFETY: as above. (In a damaged string they may overlap.)
        unsafe { end.copy_from(NonNull::from(more).cast(), more.len()) };
        self.set_len(new);
        Ok(())
    }

    /// Opens a gap of `more.len()` bytes before `index` and fills it.
    pub(super) fn insert(&mut self, index: usize, more: &[u8]) -> Result<(), ContainerError> {
        self.append(more)?;
        let len = self.len();
        let tail = self.as_mut_slice()?.get_mut(index..len);
        // A damaged string that stands in its own block was changed by what was
        // just appended.
        let tail = tail.filter(|tail| tail.len() >= more.len());
        tail.ok_or(ContainerError::Corrupt)?.rotate_right(more.len());
        Ok(())
    }

    /// Forgets all bytes but the first `len`.
    pub(super) fn truncate(&mut self, len: usize) -> Result<(), ContainerError> {
        if len < self.as_slice()?.len() {
            self.set_len(len);
        }
        Ok(())
    }

    /// The bytes, to be changed.
    pub(super) fn as_mut_slice(&mut self) -> Result<&mut [u8], ContainerError> {
        let len = self.as_slice()?.len();
        let (start, room) = self.room()?;
        // SAFETY: as in `as_slice`, and the string is borrowed mutably.
        Ok(unsafe { slice::from_raw_parts_mut(start.as_ptr(), len.min(room)) })
    }

    /// Moves the bytes to a block of `capacity` bytes, or in place if they fit
    /// there.
    pub(super) fn exchange(&mut self, capacity: usize) -> Result<(), ContainerError> {
        let old = (!self.is_inline()).then(|| self.block());
        if capacity > INLINE {
            self.exchange_to_block(capacity)?;
        } else if old.is_some() {
            self.move_in_place()?;
        }
        if let (Some(old), Ok(heap)) = (old, Heap::find(self.heap)) {
            in_order();
            old.free(heap);
        }
        Ok(())
    }

    /// Empties the string and frees its block, if it has one.
    pub(super) fn release(&mut self) {
        if self.is_inline() {
            return;
        }
        let old = self.block();
        self.words[2] = 0;
        in_order();
        if let Ok(heap) = Heap::find(self.heap) {
            old.free(heap);
        }
    }

    fn exchange_to_block(&mut self, capacity: usize) -> Result<(), ContainerError> {
        // The capacity shares a word with the last byte.
        if capacity as u64 >= 1 << 56 {
            return Err(too_large(capacity));
        }
        let (from, room) = self.room()?;
        let len = self.as_slice()?.len().min(capacity).min(room);
        let (at, to) =
            Heap::find(self.heap)?.allocate::<u8>(array_layout::<u8>(capacity)?, capacity)?;
        // SAFETY: `len` bytes are at the old place (`as_slice`), and the new
        // block has room for them. (In a damaged string they may overlap.)
        unsafe { to.copy_from(from, len) };
        self.publish(Block { at, len, capacity });
        Ok(())
    }

    fn move_in_place(&mut self) -> Result<(), ContainerError> {
        let mut short = [0_u8; 24];
        let bytes = self.as_slice()?;
        let len = bytes.len().min(INLINE);
        let (Some(to), Some(from)) = (short.get_mut(..len), bytes.get(..len)) else {
            return Err(ContainerError::Corrupt);
        };
        to.copy_from_slice(from);
        short[INLINE] = len as u8;
        let words = short.as_chunks::<8>().0;
        // First the word that says "in place": a block that is no longer named
        // leaks, one that is named wrongly is a danger.
        for (word, bytes) in self.words.iter_mut().zip(words).rev() {
            *word = u64::from_ne_bytes(*bytes);
            in_order();
        }
        Ok(())
    }

    fn publish(&mut self, block: Block) {
        in_order();
        if !self.is_inline() && block.capacity < self.block().capacity {
            self.words[2] = last_word(block.capacity);
            in_order();
        }
        self.words[0] = block.at.get() as u64;
        in_order();
        self.words[1] = block.len as u64;
        in_order();
        self.words[2] = last_word(block.capacity);
        in_order();
    }

    #[inline]
    fn set_len(&mut self, len: usize) {
        in_order();
        if self.is_inline() {
            self.set_tag(len as u8);
        } else {
            self.words[1] = len as u64;
        }
        in_order();
    }

    /// The first byte of all the capacity, and how much that is: read once, so
    /// that what is checked is what is used.
    fn room(&mut self) -> Result<(NonNull<u8>, usize), ContainerError> {
        if self.is_inline() {
            return Ok((NonNull::from(&mut self.words).cast(), INLINE));
        }
        let Block { at, capacity, .. } = self.block();
        Ok((Heap::find(self.heap)?.array::<u8>(at, capacity)?, capacity))
    }

    #[inline]
    fn inline_start(&self) -> NonNull<u8> {
        NonNull::from(&self.words).cast()
    }

    /// The block's address, all of its capacity in the heap, and the length.
    #[inline]
    fn block_start(&self) -> Result<(NonNull<u8>, usize), ContainerError> {
        let block = self.block();
        if block.len > block.capacity {
            return Err(ContainerError::Corrupt);
        }
        let start = Heap::find(self.heap)?.array::<u8>(block.at, block.capacity)?;
        Ok((start, block.len))
    }

    #[inline]
    fn block(&self) -> Block {
        let [at, len, last] = self.words;
        Block { at: Offset::new(at as usize), len: len as usize, capacity: capacity_of(last) }
    }

    #[inline]
    fn tag(&self) -> u8 {
        self.words[2].to_ne_bytes()[7]
    }

    fn set_tag(&mut self, tag: u8) {
        let mut last = self.words[2].to_ne_bytes();
        last[7] = tag;
        self.words[2] = u64::from_ne_bytes(last);
    }
}

impl Block {
    fn free(self, heap: Heap) {
        if let Ok(layout) = array_layout::<u8>(self.capacity) {
            let layout: Layout = layout;
            // SAFETY: only the string knew of its block, and it has forgotten
            // it.
            unsafe { heap.free(self.at, layout) };
        }
    }
}

/// The last word of a string with its bytes in a block.
const fn last_word(capacity: usize) -> u64 {
    if cfg!(target_endian = "little") {
        capacity as u64 | (IN_BLOCK as u64) << 56
    } else {
        (capacity as u64) << 8 | IN_BLOCK as u64
    }
}

/// The capacity in a last word.
#[inline]
const fn capacity_of(last: u64) -> usize {
    if cfg!(target_endian = "little") {
        (last & ((1 << 56) - 1)) as usize
    } else {
        (last >> 8) as usize
    }
}
