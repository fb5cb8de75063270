//! Where the words of containers are, for code that is not Rust: kernels on a device, other
//! languages.
//!
//! All numbers are bytes from the first one of a container, of a node or of a block, unless
//! said otherwise. A reader in another language is checked against these in its tests, so that
//! a change here is noticed there.
//!
//! ```
//! use anymem_core::container::ShmVec;
//! use anymem_core::container::words::VecWords;
//!
//! const WORDS: VecWords = ShmVec::<u64>::WORDS;
//! assert_eq!(WORDS.bytes, size_of::<ShmVec<u64>>());
//! ```

pub use crate::sync::ring::SlotWords;

/// Where the words of a [`ShmVec`](super::ShmVec) are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VecWords {
    /// Bytes of the vector itself.
    pub bytes: usize,
    /// Offset of the first element in the heap.
    pub at: usize,
    /// How many elements there is room for.
    pub capacity: usize,
    /// How many elements there are; larger than the capacity while elements are on the move.
    pub len: usize,
}

/// Where the words of a [`ShmList`](super::ShmList) and of its nodes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListWords {
    /// Bytes of the list itself.
    pub bytes: usize,
    /// Offset of the first node in the heap; 0 for none.
    pub head: usize,
    /// How many nodes there are; at most as many where [`changing`](Self::changing) is set.
    pub len: usize,
    /// The bit of the length that says that links are being changed.
    pub changing: usize,
    /// In a node: offset of the next one in the heap; 0 for none.
    pub next: usize,
    /// In a node: its value.
    pub value: usize,
    /// Bytes of a node.
    pub node_bytes: usize,
}

/// Where the words of a [`ShmMpsc`](super::ShmMpsc) and of its block are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingWords {
    /// Bytes of the queue itself.
    pub bytes: usize,
    /// Offset of the block in the heap.
    pub at: usize,
    /// Binary logarithm of the number of slots.
    pub log: usize,
    /// In the block: where the next value goes.
    pub tail: usize,
    /// In the block: the signal of those who push.
    pub signal: usize,
    /// In the block: whether the queue was closed.
    pub closed: usize,
    /// In the block: the first slot.
    pub slots: usize,
    /// In a slot: its state.
    pub state: usize,
    /// In a slot: its value.
    pub value: usize,
    /// Bytes of a slot.
    pub slot_bytes: usize,
    /// What is added to the signal when it is given.
    pub given: usize,
    /// How the state of a slot is made up.
    pub states: SlotWords,
}
