//! Blocks that links on the shelf name, which death should not lose.
//!
//! They are allocated, linked and freed as one. A block tells how long it is and
//! what it is filled with, so whoever finds it can see that it is whole.

use std::alloc::Layout;
use std::ptr::NonNull;

use anymem::SharedHeap;
use anymem_core::allocator::{AllocError, Allocator};
use anymem_core::offset::Offset;
use anymem_core::thread::Context;

use super::failures::Kind;
use super::pattern;
use super::shelf::{LINKS, Link, Shelf};
use super::worker::Worker;

/// What a block begins with: its length in bytes and its tag.
type Head = [u64; 2];

const HEAD: usize = size_of::<Head>();

impl Worker<'_> {
    fn draw_linked_layout(&mut self) -> Layout {
        let size = HEAD + self.scene.size(&mut self.random);
        layout(size.max(HEAD))
    }

    /// Puts a block under a link, or another one, or takes it away.
    pub(super) fn use_link(&mut self) {
        let (index, tag, free) =
            (self.random.below(LINKS), self.random.bits() | 1, self.random.below(3) == 0);
        let new = self.draw_linked_layout();
        self.with_shelf(|worker, shelf| {
            let link = &shelf.links[index];
            let old = match look(worker.heap, link) {
                Ok(old) => old,
                Err(what) => return worker.fail(Kind::Corrupt, what),
            };
            let fill = |block| fill(block, new.size(), tag);
            let heap = worker.heap;
            // SAFETY: only this process uses the link, in the heap, and what it
            // names has just been seen to be a block of that layout.
            let done: Result<(), AllocError> = worker.lane().at_stake(1, || unsafe {
                match old {
                    None => heap.allocate_into(Context::DEFAULT, link, new, fill).map(drop),
                    Some(old) if free => heap.free_from(Context::DEFAULT, link, old),
                    Some(old) => heap.replace(Context::DEFAULT, link, old, new, fill).map(drop),
                }
            });
            match done {
                Ok(()) => worker.lane().count_block(),
                Err(error) => worker.excuse(error),
            }
        });
    }
}

impl Shelf {
    /// Looks whether all blocks that links name are whole.
    pub(super) fn links_are_whole(&self, heap: &SharedHeap) -> Result<(), String> {
        self.links.iter().try_for_each(|link| look(heap, link).map(drop))
    }

    /// Frees all blocks that links name.
    pub(super) fn cut_links(&self, heap: &SharedHeap) -> Result<(), String> {
        for link in &self.links {
            let Some(old) = look(heap, link)? else { continue };
            // SAFETY: nobody uses the shelf any more; see `use_link` for the rest.
            let freed = unsafe { heap.free_from(Context::DEFAULT, link, old) };
            freed.map_err(|error| format!("a linked block could not be freed: {error}"))?;
        }
        Ok(())
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("in reason")
}

fn fill(block: NonNull<u64>, len: usize, tag: u64) {
    // SAFETY: a fresh block of `len` bytes, which is more than its head.
    unsafe {
        block.cast::<Head>().write([len as u64, tag]);
        pattern::fill(block.cast::<u8>().add(HEAD), len - HEAD, tag);
    }
}

/// What the block that a link names was asked for with, if it names one.
fn look(heap: &SharedHeap, link: &Link) -> Result<Option<Layout>, String> {
    let at = link.load(std::sync::atomic::Ordering::Acquire).offset();
    if at.is_null() {
        return Ok(None);
    }
    let head = resolve(heap, at, HEAD)?;
    // SAFETY: inside of the heap and aligned, as all blocks are that links name.
    let [len, tag] = unsafe { head.cast::<Head>().read() };
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    let start = resolve(heap, at, len)?;
    let rest =
        len.checked_sub(HEAD).ok_or_else(|| format!("{at:?}, which a link names, is cut"))?;
    // SAFETY: a live block of that length, which nobody else uses.
    match unsafe { pattern::spoilt(start.add(HEAD), rest, tag) } {
        Some(index) => Err(format!("byte {index} of {at:?}, which a link names, was overwritten")),
        None => Ok(Some(layout(len))),
    }
}

fn resolve(heap: &SharedHeap, at: Offset, len: usize) -> Result<NonNull<u8>, String> {
    heap.resolve(at, len).ok_or_else(|| format!("{len} bytes at {at:?}, which a link names"))
}
