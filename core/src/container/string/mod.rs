//! Text in a heap.

mod repr;
mod traits;

use core::str;

use self::repr::Bytes;
use super::ContainerError;
use crate::allocator::Allocator;
use crate::offset::AllocatorId;

/// `String` in a heap; up to 23 bytes stand in the value itself.
///
/// A process that dies within a method leaves the text as it was before or as
/// after it. So text that is put between other text is put together in a block of
/// its own, where the string is in the heap.
///
/// Hash, order and equality are those of the text, so that a map with
/// `ShmString` keys is searched with a `&str`.
///
/// ```
/// # use anymem_core::container::ShmString;
/// # use anymem_core::offset::AllocatorId;
/// // Short text needs no heap at all.
/// let mut greeting = ShmString::with_heap_id(AllocatorId::new(1, 0));
/// greeting.push_str("good morning")?;
/// assert_eq!(greeting.as_str()?, "good morning");
/// # Ok::<(), anymem_core::container::ContainerError>(())
/// ```
#[repr(C)]
pub struct ShmString {
    bytes: Bytes,
}

impl ShmString {
    /// How many bytes a string holds without a block in the heap.
    pub const INLINE_CAPACITY: usize = repr::INLINE;

    /// An empty string, to live in `heap`.
    #[must_use]
    pub fn new_in(heap: &(impl Allocator + ?Sized)) -> Self {
        Self::with_heap_id(heap.id())
    }

    /// An empty string, to live in the heap with the id `heap`.
    #[must_use]
    pub const fn with_heap_id(heap: AllocatorId) -> Self {
        Self { bytes: Bytes::new(heap) }
    }

    /// An empty string with room for `capacity` bytes.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn with_capacity_in(
        capacity: usize,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let mut made = Self::new_in(heap);
        made.bytes.exchange(capacity)?;
        Ok(made)
    }

    /// A copy of `text` in `heap`.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn from_str_in(
        text: &str,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let mut made = Self::with_capacity_in(text.len(), heap)?;
        made.push_str(text)?;
        Ok(made)
    }

    /// A copy of this string in the same heap.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the string is damaged.
    pub fn try_clone(&self) -> Result<Self, ContainerError> {
        let bytes = self.bytes.as_slice()?;
        let mut made = Self::with_heap_id(self.heap_id());
        made.bytes.exchange(bytes.len())?;
        made.bytes.append(bytes)?;
        Ok(made)
    }

    /// Length in bytes.
    ///
    /// 0 where a process died when it had just moved the text, and the heap is not
    /// attached.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many bytes there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether the text stands in the value itself, not in the heap.
    #[must_use]
    pub fn is_inline(&self) -> bool {
        self.bytes.is_inline()
    }

    /// The id of the heap that longer text lives in.
    #[must_use]
    pub fn heap_id(&self) -> AllocatorId {
        self.bytes.heap_id()
    }

    /// The text.
    ///
    /// Checks that it is UTF-8, which takes time in proportion to its length:
    /// a damaged string is an error, not undefined behaviour.
    /// [`as_bytes`](Self::as_bytes) costs nothing.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the string is damaged.
    #[inline]
    pub fn as_str(&self) -> Result<&str, ContainerError> {
        str::from_utf8(self.bytes.as_slice()?).map_err(|_| ContainerError::Corrupt)
    }

    /// The text's bytes.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the string is damaged.
    #[inline]
    pub fn as_bytes(&self) -> Result<&[u8], ContainerError> {
        self.bytes.as_slice()
    }

    /// Appends a character.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the string is damaged.
    pub fn push(&mut self, character: char) -> Result<(), ContainerError> {
        self.push_str(character.encode_utf8(&mut [0; 4]))
    }

    /// Appends text.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the string is damaged.
    pub fn push_str(&mut self, text: &str) -> Result<(), ContainerError> {
        self.bytes.append(text.as_bytes())
    }

    /// Puts text before the byte `index`, or at the end.
    ///
    /// # Errors
    ///
    /// `index` is outside the text or inside a character, the heap is full or
    /// not attached, or the string is damaged.
    pub fn insert_str(&mut self, index: usize, text: &str) -> Result<(), ContainerError> {
        self.boundary(index)?;
        self.bytes.insert(index, text.as_bytes())
    }

    /// Removes the last character.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the string is damaged.
    pub fn pop(&mut self) -> Result<Option<char>, ContainerError> {
        let text = self.as_str()?;
        let Some(last) = text.chars().next_back() else { return Ok(None) };
        let rest = text.len() - last.len_utf8();
        self.bytes.truncate(rest)?;
        Ok(Some(last))
    }

    /// Cuts the text to its first `len` bytes, if it is longer.
    ///
    /// # Errors
    ///
    /// `len` is inside a character, the heap is not attached, or the string is
    /// damaged.
    pub fn truncate(&mut self, len: usize) -> Result<(), ContainerError> {
        if len >= self.as_bytes()?.len() {
            return Ok(());
        }
        self.boundary(len)?;
        self.bytes.truncate(len)
    }

    /// Removes the text and keeps the room.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the string is damaged.
    pub fn clear(&mut self) -> Result<(), ContainerError> {
        self.bytes.truncate(0)
    }

    /// Makes room for `more` bytes.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the string is damaged.
    pub fn reserve(&mut self, more: usize) -> Result<(), ContainerError> {
        let needed = self.as_bytes()?.len().saturating_add(more);
        if needed <= self.capacity() {
            return Ok(());
        }
        self.bytes.exchange(needed.max(self.capacity().saturating_mul(2)))
    }

    /// Gives back the room that no text takes.
    ///
    /// # Errors
    ///
    /// The heap has no block to move to, or is not attached, or the string is
    /// damaged.
    pub fn shrink_to_fit(&mut self) -> Result<(), ContainerError> {
        let len = self.as_bytes()?.len();
        if self.is_inline() || len == self.capacity() {
            return Ok(());
        }
        self.bytes.exchange(len)
    }

    /// Copies the text to the front of `buffer`; its length.
    pub(super) fn copy_to(&self, buffer: &mut [u8]) -> Result<usize, ContainerError> {
        self.bytes.copy_to(buffer)
    }

    /// Looks whether the text lies in its heap and is UTF-8.
    ///
    /// # Errors
    ///
    /// The heap is not attached, or the string is damaged.
    pub fn check(&self) -> Result<(), ContainerError> {
        self.as_str().map(|_| ())
    }

    /// Refuses an `index` that is not between two characters.
    fn boundary(&self, index: usize) -> Result<(), ContainerError> {
        let text = self.as_str()?;
        if index > text.len() {
            return Err(ContainerError::OutOfBounds { index, len: text.len() });
        }
        text.is_char_boundary(index).then_some(()).ok_or(ContainerError::NotCharBoundary { index })
    }
}

impl Drop for ShmString {
    /// Frees the text; leaks it where the heap is not attached.
    fn drop(&mut self) {
        self.bytes.release();
    }
}
