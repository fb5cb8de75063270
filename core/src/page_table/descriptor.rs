//! What stands apart from a slab's data: its bitmaps and its owner's notes.
//!
//! | words | field | written by |
//! |---|---|---|
//! | 0 | next slab of its class with free blocks, plus one | owner |
//! | 1 | whether it is in that list or current | owner |
//! | 2 | free blocks in the local bitmap (derived); of a large block, bytes up to the end of its seal | owner |
//! | 3 | bitmap word where the search for free blocks starts | owner |
//! | 4 | slabs of a large block; of a run, the slab before it in the list, plus one | owner |
//! | 5… | local bitmap: 1 is free | owner |
//! | … | latch: who gives the slab back, if it is a shared run | anyone |
//! | … | whether the slab is in its owner's list of dirty slabs | anyone |
//! | … | next slab in that list, plus one | who pushed it |
//! | … | remote bitmap: 1 was freed by another | anyone |
//! | … | shared bitmap: 1 was taken, from a run that is nobody's | anyone |
//!
//! What the owner alone touches stands apart from what others write, so that
//! they do not take its cache lines away.

use super::bitmap::Bitmap;
use super::remote_free::RemoteFree;
use super::taken_bits::TakenBits;
use crate::offset::Offset;
use crate::segment::Latch;
use crate::sync::{Arena, Atomics};

const WORD: usize = size_of::<usize>();

/// Words before the local bitmap.
const OWN: usize = 5;

/// Words between the local and the remote bitmap.
const EXCHANGED: usize = 3;

/// The descriptor of one slab.
#[derive(Debug, Clone, Copy)]
pub struct Descriptor<'a, M: Arena> {
    arena: &'a M,
    at: Offset,
    bitmap_bytes: usize,
}

type Word<M> = <<M as Arena>::A as Atomics>::Word;

impl<'a, M: Arena> Descriptor<'a, M> {
    /// The descriptor at `at`, whose bitmaps have `bitmap_bytes` each.
    #[inline]
    pub const fn new(arena: &'a M, at: Offset, bitmap_bytes: usize) -> Self {
        Self { arena, at, bitmap_bytes }
    }

    #[inline]
    fn field(&self, index: usize) -> &'a Word<M> {
        self.arena.word(self.at.add(index * WORD))
    }

    /// The next slab of the same class with free blocks, plus one; 0 for none.
    #[inline]
    pub fn next(&self) -> &'a Word<M> {
        self.field(0)
    }

    /// 1 while the slab is current or in its class's list.
    #[inline]
    pub fn listed(&self) -> &'a Word<M> {
        self.field(1)
    }

    /// Set bits of the local bitmap.
    #[inline]
    pub fn free(&self) -> &'a Word<M> {
        self.field(2)
    }

    /// The first word of the local bitmap that may have a bit.
    #[inline]
    pub fn cursor(&self) -> &'a Word<M> {
        self.field(3)
    }

    /// Slabs of the large block that starts here.
    #[inline]
    pub fn span(&self) -> &'a Word<M> {
        self.field(4)
    }

    /// Bytes of the large block that starts here, up to the end of its seal; with
    /// the feature `secure`.
    #[inline]
    pub fn room(&self) -> &'a Word<M> {
        self.field(2)
    }

    /// The slab before this one in its class's list, plus one; 0 for none.
    #[inline]
    pub fn previous(&self) -> &'a Word<M> {
        self.field(4)
    }

    /// Where the link of the owner's list of dirty slabs stands.
    #[inline]
    pub fn link_at(&self) -> Offset {
        self.exchanged_at(2)
    }

    /// The words that others write.
    #[inline]
    pub fn remote(&self) -> RemoteFree<'a, M> {
        let (queued, bitmap) = (self.exchanged_at(1), self.remote_at());
        RemoteFree::new(self.arena, queued, self.link_at(), bitmap)
    }

    /// The local bitmap, for a run of `blocks` blocks.
    #[inline]
    pub fn local_bits(&self, blocks: usize) -> Bitmap<'a, M> {
        Bitmap::new(self.arena, self.at.add(OWN * WORD), blocks)
    }

    /// The remote bitmap, for a run of `blocks` blocks.
    #[inline]
    pub fn remote_bits(&self, blocks: usize) -> Bitmap<'a, M> {
        Bitmap::new(self.arena, self.remote_at(), blocks)
    }

    /// The blocks of a shared run of `blocks` blocks.
    #[inline]
    pub fn shared_bits(&self, blocks: usize) -> TakenBits<'a, M> {
        let at = self.remote_at().add(self.bitmap_bytes);
        TakenBits::new(Bitmap::new(self.arena, at, blocks))
    }

    /// The latch for who gives a shared run back.
    #[inline]
    pub fn latch(&self) -> Latch<'a, M> {
        Latch::new(self.arena, self.exchanged_at(0))
    }

    fn exchanged_at(&self, index: usize) -> Offset {
        self.at.add(OWN * WORD + self.bitmap_bytes + index * WORD)
    }

    fn remote_at(&self) -> Offset {
        self.exchanged_at(EXCHANGED)
    }
}
