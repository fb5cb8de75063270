//! Where the bytes of a string are: in place, or in a block.

use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;
use core::slice;

use super::super::heap::{Heap, in_order, too_large};
use super::super::trace::values;
use super::super::{ContainerError, TraceError, Tracer, racy};
use crate::offset::{AllocatorId, Offset};
use crate::sync::atomic::AtomicUsize;

/// Bytes that fit in place.
pub(super) const INLINE: usize = 23;

/// In the tag: the bytes are in a block.
const IN_BLOCK: u8 = 1;

/// In the tag of bytes in a block: length and capacity are those that the block
/// says.
const FRESH: u8 = 2;

/// Alignment of a block, which leaves the low bits of its offset to the tag.
const ALIGN: usize = 8;

/// Bytes of a block before the text: length and capacity, a word each.
const HEAD: usize = 2 * size_of::<u64>();

/// The word with the tag: the one whose low byte is the first or the last.
const LINK: usize = if cfg!(target_endian = "little") { 0 } else { 2 };

/// The word with the length of bytes in a block; the capacity's is the next one.
const LEN: usize = if cfg!(target_endian = "little") { 1 } else { 0 };

/// Where bytes in place start: beside the tag.
const INLINE_AT: usize = if cfg!(target_endian = "little") { 1 } else { 0 };

/// Growable bytes, short ones in place.
///
/// One word is the *link*; its low byte is the tag, which tells the forms apart:
///
/// | tag | link | other words |
/// |---|---|---|
/// | 0, 2, … 46: twice the length | 7 bytes | 16 bytes |
/// | bit 0 set | offset of the block, and the tag | length, capacity |
/// | bits 0 and 1 set | the same | nothing: what holds is what the block says |
///
/// # Order of stores
///
/// Bytes move with one store to the link. A new block says itself how long its
/// text is, so the other words may be whatever they were; they are written next,
/// and then the tag says so. Bytes go back in place the other way round. Thus a
/// process that dies leaves the text as it was before or after, and a string that
/// can be read and changed as it is.
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

/// Some bytes that are put together with others.
type Piece = NonNull<[u8]>;

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
        self.tag() & IN_BLOCK == 0
    }

    /// The length, as it is stored; 0 where that is in a heap that is not
    /// attached.
    #[inline]
    pub(super) fn len(&self) -> usize {
        if self.is_inline() {
            return usize::from(self.tag() >> 1).min(INLINE);
        }
        self.block().map_or(0, |block| block.len)
    }

    /// How many bytes there is room for.
    pub(super) fn capacity(&self) -> usize {
        if self.is_inline() { INLINE } else { self.block().map_or(0, |block| block.capacity) }
    }

    /// The bytes.
    #[inline]
    pub(super) fn as_slice(&self) -> Result<&[u8], ContainerError> {
        let (start, len) = if self.is_inline() {
            let len = usize::from(self.tag() >> 1);
            if len > INLINE {
                return Err(ContainerError::Corrupt);
            }
            (self.inline_start(), len)
        } else {
            self.block_start()?
        };
        // SAFETY: `len` bytes lie there, in place or in the heap (both checked
        // above); they are the string's and were written before the length.
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), len) })
    }

    /// Whether the text is `expected`, in a copy of a string that others may be
    /// dropping: if they do, what comes back is the one or the other.
    #[inline]
    pub(super) fn is_unlocked(&self, expected: &[u8]) -> bool {
        if self.is_inline() {
            return self.as_slice() == Ok(expected);
        }
        let Ok((start, len)) = self.block_start() else { return false };
        // SAFETY: the text lies in the heap (`block_start`), and starts at a word.
        len == expected.len() && unsafe { racy::bytes_equal(start, expected) }
    }

    /// Copies the text to the front of `buffer`; its length. Others may be dropping
    /// the string: then what comes back is anything.
    pub(super) fn copy_to(&self, buffer: &mut [u8]) -> Result<usize, ContainerError> {
        if self.is_inline() {
            let text = self.as_slice()?;
            first(buffer, text.len())?.copy_from_slice(text);
            return Ok(text.len());
        }
        let (start, len) = self.block_start()?;
        // SAFETY: as in `is_unlocked`.
        unsafe { racy::copy_bytes(start, first(buffer, len)?) };
        Ok(len)
    }

    /// Appends `more`.
    pub(super) fn append(&mut self, more: &[u8]) -> Result<(), ContainerError> {
        self.adopt()?;
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

    /// Puts `more` before `index`: the text is put together in another block.
    pub(super) fn insert(&mut self, index: usize, more: &[u8]) -> Result<(), ContainerError> {
        self.replace(index..index, more)
    }

    /// Puts `more` in the place of `range`: the text is put together in another block.
    pub(super) fn replace(
        &mut self,
        range: Range<usize>,
        more: &[u8],
    ) -> Result<(), ContainerError> {
        let old = self.copy();
        let bytes = old.as_slice()?;
        let (before, after) =
            bytes.get(..range.start).zip(bytes.get(range.end..)).ok_or(ContainerError::Corrupt)?;
        let new = before.len().saturating_add(after.len()).saturating_add(more.len());
        let capacity = match old.capacity() {
            enough if new <= enough => enough,
            little => new.max(little.saturating_mul(2)),
        };
        let pieces = [before, more, after].map(Piece::from);
        if capacity > INLINE {
            return self.move_to_block(capacity, pieces);
        }
        if self.is_in_heap() {
            self.move_to_block(capacity, pieces)?;
            return self.move_in_place();
        }
        let mut short = Self::new(self.heap);
        pieces.iter().try_for_each(|piece| {
            // SAFETY: of the copy, or the caller's.
            short.append(unsafe { piece.as_ref() })
        })?;
        self.words = short.words;
        Ok(())
    }

    /// The same bytes, which stay where they are while this moves.
    fn copy(&self) -> Self {
        Self { heap: self.heap, words: self.words }
    }

    /// Whether others can find the string when this process dies.
    fn is_in_heap(&self) -> bool {
        let here = NonNull::from(self).cast();
        Heap::find(self.heap).is_ok_and(|heap| heap.allocator().offset_of(here).is_some())
    }

    /// Forgets all bytes but the first `len`.
    pub(super) fn truncate(&mut self, len: usize) -> Result<(), ContainerError> {
        self.adopt()?;
        if len < self.as_slice()?.len() {
            self.set_len(len);
        }
        Ok(())
    }

    /// Moves the bytes to a block of `capacity` bytes, or in place if they fit
    /// there.
    pub(super) fn exchange(&mut self, capacity: usize) -> Result<(), ContainerError> {
        if capacity > INLINE {
            let old = self.copy();
            let bytes = old.as_slice()?;
            let kept = bytes.get(..capacity).unwrap_or(bytes);
            let pieces = [kept, &[], &[]].map(Piece::from);
            return self.move_to_block(capacity, pieces);
        }
        if self.is_inline() { Ok(()) } else { self.move_in_place() }
    }

    /// Empties the string and frees its block, if it has one.
    pub(super) fn release(&mut self) {
        let Some((at, layout)) = self.old_block() else { return };
        self.words[LINK] = 0;
        in_order();
        if let Ok(heap) = Heap::find(self.heap) {
            // SAFETY: only the string knew of its block, and it has forgotten it.
            unsafe { heap.free(at, layout) };
        }
    }

    /// Writes down here what a block says that was just linked.
    pub(super) fn adopt(&mut self) -> Result<(), ContainerError> {
        if self.tag() & (IN_BLOCK | FRESH) != IN_BLOCK | FRESH {
            return Ok(());
        }
        let Block { at, len, capacity } = self.block()?;
        self.words[LEN] = len as u64;
        self.words[LEN + 1] = capacity as u64;
        in_order();
        self.words[LINK] = at.get() as u64 | u64::from(IN_BLOCK);
        in_order();
        Ok(())
    }

    /// Names the block, if there is one.
    pub(super) fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        if self.is_inline() {
            return Ok(());
        }
        let at = self.link_offset();
        let block = self.block().map_err(|_| TraceError::Damaged { at })?;
        let bytes = block.capacity.saturating_add(HEAD);
        // SAFETY: none of the bytes owns anything.
        unsafe { tracer.owned(self.heap, at, bytes, (values::<u8>, 0)) }.map(|_| ())
    }

    /// Moves to a block of `capacity` bytes, whose text is `pieces`.
    fn move_to_block(&mut self, capacity: usize, pieces: [Piece; 3]) -> Result<(), ContainerError> {
        let len = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        let layout = layout(capacity)?;
        let mut fill = |block: NonNull<u8>| {
            // SAFETY: the new block is as large as `layout`, which has room for
            // its head and all pieces. (In a damaged string they may overlap.)
            unsafe { write_block(block, Block { at: Offset::NULL, len, capacity }, pieces) };
        };
        let (old, tag) = (self.old_block(), usize::from(IN_BLOCK | FRESH));
        let heap = Heap::find(self.heap)?;
        // SAFETY: the word is the string's own, which is the only one to know of
        // its block.
        unsafe { heap.exchange(self.link(), old, (Some(layout), tag), &mut fill) }?;
        in_order();
        self.adopt()
    }

    /// Moves from a block into the words, as many bytes as fit.
    fn move_in_place(&mut self) -> Result<(), ContainerError> {
        let short = self.short()?;
        let old = self.old_block();
        let heap = Heap::find(self.heap)?;
        self.leave_to_block(heap)?;
        for index in [LEN, LEN + 1] {
            self.words[index] = short[index];
        }
        // Where words are shorter, what is above the offset is not looked at.
        let above = !(usize::MAX as u64);
        self.words[LINK] = self.words[LINK] & !above | short[LINK] & above;
        in_order();
        let link = short[LINK] as usize;
        // SAFETY: as in `move_to_block`.
        unsafe { heap.exchange(self.link(), old, (None, link), &mut |_| ()) }?;
        in_order();
        Ok(())
    }

    /// The words as they are with the bytes in place.
    fn short(&self) -> Result<[u64; 3], ContainerError> {
        let bytes = self.as_slice()?;
        let len = bytes.len().min(INLINE);
        let mut short = Self::new(self.heap);
        // SAFETY: in place there is room for that many. (They do not overlap:
        // one of them was just made.)
        unsafe { short.inline_start_mut().copy_from(NonNull::from(bytes).cast(), len) };
        short.set_len(len);
        Ok(short.words)
    }

    /// Lets the block say what the words say, which can be overwritten then.
    fn leave_to_block(&mut self, heap: Heap) -> Result<(), ContainerError> {
        let block = self.block()?;
        // SAFETY: the string's block, which is as long as that.
        unsafe { write_head(heap.array(block.at, 2)?, block) };
        in_order();
        self.words[LINK] |= u64::from(FRESH);
        in_order();
        Ok(())
    }

    #[inline]
    fn set_len(&mut self, len: usize) {
        in_order();
        if self.is_inline() {
            self.words[LINK] = self.words[LINK] & !0xff | (len as u64) << 1;
        } else {
            self.words[LEN] = len as u64;
        }
        in_order();
    }

    /// The first byte of all the capacity, and how much that is: read once, so
    /// that what is checked is what is used.
    fn room(&mut self) -> Result<(NonNull<u8>, usize), ContainerError> {
        if self.is_inline() {
            return Ok((self.inline_start_mut(), INLINE));
        }
        let Block { at, capacity, .. } = self.block()?;
        Ok((Heap::find(self.heap)?.array::<u8>(at.add(HEAD), capacity)?, capacity))
    }

    #[inline]
    fn inline_start(&self) -> NonNull<u8> {
        // SAFETY: inside the words.
        unsafe { NonNull::from(&self.words).cast::<u8>().add(INLINE_AT) }
    }

    #[inline]
    fn inline_start_mut(&mut self) -> NonNull<u8> {
        // SAFETY: inside the words.
        unsafe { NonNull::from(&mut self.words).cast::<u8>().add(INLINE_AT) }
    }

    /// The address of the text, all of whose capacity is in the heap, and the
    /// length.
    #[inline]
    fn block_start(&self) -> Result<(NonNull<u8>, usize), ContainerError> {
        let block = self.block()?;
        if block.len > block.capacity {
            return Err(ContainerError::Corrupt);
        }
        let start = Heap::find(self.heap)?.array::<u8>(block.at.add(HEAD), block.capacity)?;
        Ok((start, block.len))
    }

    /// The block, which there is.
    #[inline]
    fn block(&self) -> Result<Block, ContainerError> {
        let at = self.link_offset();
        if self.tag() & FRESH == 0 {
            let (len, capacity) = (self.words[LEN] as usize, self.words[LEN + 1] as usize);
            return Ok(Block { at, len, capacity });
        }
        self.fresh_block(at)
    }

    #[cold]
    fn fresh_block(&self, at: Offset) -> Result<Block, ContainerError> {
        let head = Heap::find(self.heap)?.array::<u64>(at, 2)?;
        // Atomically, for whoever looks at a string that others may be dropping.
        // SAFETY: inside the heap and aligned (`array`).
        let head = unsafe { racy::load(head.cast::<[u64; 2]>()) };
        // SAFETY: any bits are numbers.
        let [len, capacity] = unsafe { head.assume_init() };
        Ok(Block { at, len: len as usize, capacity: capacity as usize })
    }

    /// The block and its layout, if there is one.
    fn old_block(&self) -> Option<(Offset, Layout)> {
        if self.is_inline() {
            return None;
        }
        let block = self.block().ok()?;
        Some((block.at, layout(block.capacity).ok()?))
    }

    fn link_offset(&self) -> Offset {
        Offset::new(self.words[LINK] as usize & !(ALIGN - 1))
    }

    /// The word that names the block: the low half of its 64 bits, or all.
    fn link(&mut self) -> NonNull<AtomicUsize> {
        let before = if cfg!(target_endian = "little") { 0 } else { 8 - size_of::<usize>() };
        // SAFETY: inside the word.
        unsafe { NonNull::from(&mut self.words[LINK]).cast::<u8>().add(before) }.cast()
    }

    #[inline]
    fn tag(&self) -> u8 {
        self.words[LINK] as u8
    }
}

/// The first `len` bytes of a buffer.
fn first(buffer: &mut [u8], len: usize) -> Result<&mut [u8], ContainerError> {
    let room = buffer.len();
    buffer.get_mut(..len).ok_or(ContainerError::OutOfBounds { index: len, len: room })
}

/// The layout of a block for `capacity` bytes.
fn layout(capacity: usize) -> Result<Layout, ContainerError> {
    let size = capacity.checked_add(HEAD).ok_or(too_large(capacity))?;
    Layout::from_size_align(size, ALIGN).map_err(|_| too_large(capacity))
}

/// Writes what a new block says, and its text.
///
/// # Safety
///
/// There is room for it.
unsafe fn write_block(to: NonNull<u8>, block: Block, pieces: [Piece; 3]) {
    // SAFETY: there is room (contract).
    unsafe { write_head(to.cast(), block) };
    // SAFETY: as above.
    let mut to = unsafe { to.add(HEAD) };
    for piece in pieces {
        // SAFETY: as above.
        unsafe { to.copy_from(piece.cast(), piece.len()) };
        // SAFETY: as above; at most to the end of the block.
        to = unsafe { to.add(piece.len()) };
    }
}

/// Writes what a block says.
///
/// # Safety
///
/// It starts there.
unsafe fn write_head(head: NonNull<u64>, block: Block) {
    // SAFETY: a block begins with two words (contract).
    unsafe { head.write(block.len as u64) };
    // SAFETY: as above.
    unsafe { head.add(1).write(block.capacity as u64) };
}
