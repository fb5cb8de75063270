//! Text in a heap.

mod repr;
mod traits;

use core::fmt;
use core::ops::RangeBounds;
use core::str;

use self::repr::Bytes;
use super::ContainerError;
use super::vec::inside;
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

    /// The text that `arguments` make, as `format!` makes a `String`.
    ///
    /// ```
    /// # use anymem_core::container::{ContainerError, ShmString};
    /// # use anymem_core::allocator::Allocator;
    /// fn name(number: u32, heap: &impl Allocator) -> Result<ShmString, ContainerError> {
    ///     ShmString::format_in(format_args!("part {number:04}"), heap)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn format_in(
        arguments: fmt::Arguments<'_>,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let mut made = Made { text: Self::new_in(heap), outcome: Ok(()) };
        // What a `Display` of the user's says is no error of the heap's.
        let _ = fmt::Write::write_fmt(&mut made, arguments);
        made.outcome.map(|()| made.text)
    }

    /// The text that `characters` make.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached.
    pub fn from_iter_in(
        characters: impl IntoIterator<Item = char>,
        heap: &(impl Allocator + ?Sized),
    ) -> Result<Self, ContainerError> {
        let mut made = Self::new_in(heap);
        made.extend(characters)?;
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

    /// Puts a character before the byte `index`, or at the end.
    ///
    /// # Errors
    ///
    /// As for [`insert_str`](Self::insert_str).
    pub fn insert(&mut self, index: usize, character: char) -> Result<(), ContainerError> {
        self.insert_str(index, character.encode_utf8(&mut [0; 4]))
    }

    /// Removes the character that starts at the byte `index`.
    ///
    /// # Errors
    ///
    /// There is none, the heap is full or not attached, or the string is damaged.
    pub fn remove(&mut self, index: usize) -> Result<char, ContainerError> {
        self.boundary(index)?;
        let text = self.as_str()?;
        let gone = text.get(index..).and_then(|rest| rest.chars().next());
        let gone = gone.ok_or(ContainerError::OutOfBounds { index, len: text.len() })?;
        self.replace_range(index..index + gone.len_utf8(), "")?;
        Ok(gone)
    }

    /// Puts other text in the place of the bytes in `range`.
    ///
    /// # Errors
    ///
    /// The range starts or ends outside the text or inside a character, the heap is
    /// full or not attached, or the string is damaged.
    pub fn replace_range(
        &mut self,
        range: impl RangeBounds<usize>,
        with: &str,
    ) -> Result<(), ContainerError> {
        let range = inside(range, self.as_str()?.len())?;
        self.boundary(range.start)?;
        self.boundary(range.end)?;
        self.bytes.replace(range, with.as_bytes())
    }

    /// Drops the characters that `keep` says no to, all of them at once.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the string is damaged.
    pub fn retain(&mut self, mut keep: impl FnMut(char) -> bool) -> Result<(), ContainerError> {
        let mut kept = Self::with_heap_id(self.heap_id());
        kept.reserve(self.as_bytes()?.len())?;
        self.as_str()?.chars().filter(|it| keep(*it)).try_for_each(|it| kept.push(it))?;
        self.bytes.replace(0..self.len(), kept.as_bytes()?)
    }

    /// Moves the text from the byte `at` on to a string of its own, in the same heap.
    ///
    /// # Errors
    ///
    /// `at` is outside the text or inside a character, the heap is full or not
    /// attached, or the string is damaged.
    pub fn split_off(&mut self, at: usize) -> Result<Self, ContainerError> {
        self.boundary(at)?;
        let mut rest = Self::with_heap_id(self.heap_id());
        rest.push_str(self.as_str()?.get(at..).unwrap_or_default())?;
        self.bytes.truncate(at)?;
        Ok(rest)
    }

    /// Appends what `characters` gives.
    ///
    /// # Errors
    ///
    /// The heap is full or not attached, or the string is damaged; what was appended
    /// before stays.
    pub fn extend(
        &mut self,
        characters: impl IntoIterator<Item = char>,
    ) -> Result<(), ContainerError> {
        characters.into_iter().try_for_each(|character| self.push(character))
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

/// Text that is written to, and why it could not be.
struct Made {
    text: ShmString,
    outcome: Result<(), ContainerError>,
}

impl fmt::Write for Made {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.outcome = self.text.push_str(text);
        self.outcome.map_err(|_| fmt::Error)
    }
}

impl Drop for ShmString {
    /// Frees the text; leaks it where the heap is not attached.
    fn drop(&mut self) {
        self.bytes.release();
    }
}
