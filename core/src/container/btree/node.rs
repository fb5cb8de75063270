//! A node: its entries, and in one that is not a leaf what is between them.

use core::alloc::Layout;
use core::cmp::Ordering;
use core::mem::MaybeUninit;
use core::ptr::NonNull;

use super::super::ContainerError;
use super::super::heap::{Heap, in_order};
use super::log::Word;
use super::order::{MOST, Order, SLOTS};
use crate::offset::Offset;

/// How many levels a tree may have: more than fit into any heap.
pub(super) const DEPTH: usize = 20;

/// Alignment of a node, which leaves the low bits of its offset to its level.
const ALIGN: usize = 64;

/// A key with its value.
#[repr(C)]
pub(super) struct Pair<K, V> {
    pub(super) key: K,
    pub(super) value: V,
}

/// Entries, as `order` says.
#[repr(C, align(64))]
struct Leaf<K, V> {
    order: Order,
    entries: [MaybeUninit<Pair<K, V>>; SLOTS],
}

/// A node with children: the first one, and one behind each entry.
#[repr(C)]
struct Inner<K, V> {
    leaf: Leaf<K, V>,
    first: usize,
    children: [usize; SLOTS],
}

/// Where a node is, and how high above the leaves: one word.
///
/// | bits | field |
/// |---|---|
/// | 0–5 | the level, 0 for a leaf |
/// | 6– | offset of the block, without its low 6 bits, which are 0 |
///
/// The word 0 is no node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Link(usize);

impl Link {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn new(at: Offset, level: usize) -> Self {
        Self(at.get() & !(ALIGN - 1) | level)
    }

    pub(super) const fn from_bits(bits: usize) -> Self {
        Self(bits)
    }

    pub(super) const fn into_bits(self) -> usize {
        self.0
    }

    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn at(self) -> Offset {
        Offset::new(self.0 & !(ALIGN - 1))
    }

    pub(super) const fn level(self) -> usize {
        self.0 & (ALIGN - 1)
    }
}

/// A node at its address in this process.
///
/// # Invariants
///
/// A block of the [`layout`](Self::layout) of its level lies there, in the heap and
/// aligned. Whoever has one owns the tree or has borrowed it.
pub(super) struct Node<K, V> {
    start: NonNull<Leaf<K, V>>,
    at: Offset,
    level: usize,
}

impl<K, V> Clone for Node<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Node<K, V> {}

impl<K, V> PartialEq for Node<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at && self.level == other.level
    }
}

impl<K, V> Node<K, V> {
    /// The node that `link` names, bounded against the heap.
    #[inline]
    pub(super) fn open(heap: Heap, link: Link) -> Result<Self, ContainerError> {
        let (at, level) = (link.at(), link.level());
        let start = match level {
            0 => heap.array::<Leaf<K, V>>(at, 1)?,
            1..DEPTH => heap.array::<Inner<K, V>>(at, 1)?.cast(),
            _ => return Err(ContainerError::Corrupt),
        };
        Ok(Self { start, at, level })
    }

    /// The layout of a node of a level.
    pub(super) const fn layout(level: usize) -> Layout {
        if level == 0 { Layout::new::<Leaf<K, V>>() } else { Layout::new::<Inner<K, V>>() }
    }

    /// Makes a new block be a node without entries.
    ///
    /// # Safety
    ///
    /// A block of the layout of its level is there, which is nobody else's.
    pub(super) unsafe fn make(block: NonNull<u8>) {
        // SAFETY: every node starts with its order.
        unsafe { block.cast::<Order>().write(Order::EMPTY) };
    }

    /// The word that names this node.
    #[inline]
    pub(super) fn link(self) -> Link {
        Link::new(self.at, self.level)
    }

    #[inline]
    pub(super) fn is_leaf(self) -> bool {
        self.level == 0
    }

    #[inline]
    pub(super) fn order(self) -> Order {
        // SAFETY: in the heap and aligned (invariant); any bits are an order.
        unsafe { (&raw const (*self.start.as_ptr()).order).read() }
    }

    /// Stores the order at once, for a node that only the caller knows, or that
    /// loses entries.
    #[inline]
    pub(super) fn set_order(self, order: Order) {
        in_order();
        // SAFETY: as above; the tree is borrowed mutably.
        unsafe { (&raw mut (*self.start.as_ptr()).order).write(order) };
        in_order();
    }

    /// The word that holds the order.
    #[inline]
    pub(super) fn order_word(self) -> Word {
        Word::at(self.at)
    }

    /// The word that names the first child.
    #[inline]
    pub(super) fn first_word(self) -> Word {
        Word::at(self.at.add(core::mem::offset_of!(Inner<K, V>, first)))
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.order().len()
    }

    #[inline]
    pub(super) fn is_full(self) -> bool {
        self.len() == MOST
    }

    /// Where the entry `index` is.
    #[inline]
    pub(super) fn entry(self, index: usize) -> NonNull<Pair<K, V>> {
        self.entry_in(self.order().slot(index))
    }

    /// Where the entry of a slot is, or would be.
    #[inline]
    pub(super) fn entry_in(self, slot: usize) -> NonNull<Pair<K, V>> {
        // SAFETY: only the place is computed; it is in the node (invariant).
        let entries = unsafe { &raw mut (*self.start.as_ptr()).entries }.cast::<Pair<K, V>>();
        // SAFETY: one of the slots, which are not at 0.
        unsafe { NonNull::new_unchecked(entries.add(slot.min(SLOTS - 1))) }
    }

    /// The key of the entry `index`.
    ///
    /// # Safety
    ///
    /// Nobody changes or drops it for as long as the caller says.
    #[inline]
    pub(super) unsafe fn key<'k>(self, index: usize) -> &'k K {
        // SAFETY: an entry of the tree; as promised by the caller.
        unsafe { &(*self.entry(index).as_ptr()).key }
    }

    /// Where the key is, of whose kind `compare` says how they compare to what is
    /// sought; or before which entry it would be.
    #[inline]
    pub(super) fn search(self, mut compare: impl FnMut(&K) -> Ordering) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            // SAFETY: borrowed for the call only, during which the tree is.
            match compare(unsafe { self.key(middle) }) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }

    /// The child before the entry `index`, or behind the last one.
    ///
    /// `None` in a leaf.
    #[inline]
    pub(super) fn child(self, heap: Heap, index: usize) -> Result<Option<Self>, ContainerError> {
        let Some(word) = self.child_word(index) else { return Ok(None) };
        // SAFETY: in the node; any bits are a number.
        let at = Offset::new(unsafe { word.read() });
        Self::open(heap, Link::new(at, self.level - 1)).map(Some)
    }

    /// The offset of that child, 0 in a leaf.
    #[inline]
    pub(super) fn child_bits(self, index: usize) -> usize {
        // SAFETY: in the node; any bits are a number.
        self.child_word(index).map_or(0, |word| unsafe { word.read() })
    }

    /// Where the word is that names that child.
    #[inline]
    pub(super) fn child_word(self, index: usize) -> Option<NonNull<usize>> {
        match index.checked_sub(1) {
            Some(before) => self.child_behind(self.order().slot(before)),
            None if self.is_leaf() => None,
            None => {
                let inner = self.start.cast::<Inner<K, V>>().as_ptr();
                // SAFETY: in the node, which is none without children; not at 0.
                Some(unsafe { NonNull::new_unchecked(&raw mut (*inner).first) })
            }
        }
    }

    /// Where the word is that names the child behind the entry of a slot.
    #[inline]
    fn child_behind(self, slot: usize) -> Option<NonNull<usize>> {
        if self.is_leaf() {
            return None;
        }
        let inner = self.start.cast::<Inner<K, V>>().as_ptr();
        // SAFETY: only the place is computed; it is in the node.
        let children = unsafe { &raw mut (*inner).children }.cast::<usize>();
        // SAFETY: one of the slots, which are not at 0.
        Some(unsafe { NonNull::new_unchecked(children.add(slot.min(SLOTS - 1))) })
    }

    /// Copies the entry `index` of `from` to the free slot of `order`, for one that
    /// has `child` behind it.
    ///
    /// It is not there before an order says so.
    pub(super) fn adopt(self, order: Order, (from, index): (Self, usize), child: usize) {
        // SAFETY: both are slots of nodes, and no order names the second. (In a
        // damaged tree they may be the same.)
        unsafe { from.entry(index).copy_to(self.entry_in(order.free()), 1) };
        if let Some(word) = self.child_behind(order.free()) {
            // SAFETY: as above.
            unsafe { word.write(child) };
        }
    }

    /// Names the first child of a node that only the caller knows.
    pub(super) fn set_first(self, child: usize) {
        if let Some(word) = self.child_word(0) {
            // SAFETY: in the node, and nobody else's.
            unsafe { word.write(child) };
        }
    }
}
