//! Somebody who uses a heap, whatever state it is in.

use std::alloc::Layout;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use anymem_core::allocator::{Allocator, Exchange};
use anymem_core::offset::{AtomicOffsetPtr, Offset};
use anymem_core::thread::Context;

use super::input::Choices;
use super::{Slots, resolve};
use crate::heap::layout;

/// Blocks as somebody who uses a heap knows them.
///
/// All blocks that a heap hands out are written to: they must lie inside it.
#[derive(Debug, Clone, Default)]
pub struct User {
    blocks: Vec<(Offset, Layout)>,
    /// What the link's block was asked for with.
    linked: Option<Layout>,
}

/// Mostly small sizes, some of several slabs, some that make no sense.
fn any_layout(choices: &mut impl Choices) -> Layout {
    let size = match choices.below(32) {
        0 => usize::MAX >> (1 + choices.below(40)),
        1..3 => choices.below(40_000),
        3..9 => choices.below(3000),
        _ => choices.below(200),
    };
    let align = 1 << if choices.below(4) == 0 { choices.below(14) } else { choices.below(5) };
    Layout::from_size_align(size, align).unwrap_or(Layout::new::<u64>())
}

const BYTE: Layout = Layout::new::<u8>();

/// All that may be used of a block is inside the heap, if the block was: it may
/// have been in a heap that was longer.
fn is_inside(heap: &dyn Allocator, at: Offset, layout: Layout, usable: usize) {
    let was = layout.size() == 0 || heap.resolve(at, layout.size()).is_none();
    let is = heap.resolve(at, usable).is_some();
    assert!(was || is, "{usable} bytes of the block {at} of {layout:?} are not all in the heap");
}

impl User {
    /// One who has no blocks.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the blocks are.
    pub fn blocks(&self) -> impl Iterator<Item = Offset> + '_ {
        self.blocks.iter().map(|&(at, _)| at)
    }

    /// Writes to all of a block, which must be inside the heap.
    fn took(&mut self, heap: &dyn Allocator, at: Offset, layout: Layout) {
        let Some(start) = heap.resolve(at, layout.size()) else {
            panic!("block {at} of {layout:?} is not in the heap");
        };
        // SAFETY: inside the segment. What else is there is damaged, if the
        // heap was led to hand it out.
        unsafe { start.write_bytes(0x5a, layout.size()) };
        if self.blocks.len() < 256 {
            self.blocks.push((at, layout));
        }
    }

    fn take(&mut self, choices: &mut impl Choices) -> Option<(Offset, Layout)> {
        let count = self.blocks.len();
        (count > 0).then(|| self.blocks.swap_remove(choices.below(count)))
    }

    /// Makes one call; what it answers is not looked at.
    pub fn call(&mut self, choices: &mut impl Choices, heap: &dyn Allocator, context: Context) {
        match choices.below(16) {
            0..6 => {
                let layout = any_layout(choices);
                if let Ok(at) = heap.allocate(context, layout) {
                    self.took(heap, at, layout);
                }
            }
            6 => {
                let layout = any_layout(choices);
                if let Ok(at) = heap.allocate_zeroed(context, layout) {
                    self.took(heap, at, layout);
                }
            }
            7 | 8 => self.reallocate(choices, heap, context),
            9 => {
                let Some(&(at, layout)) = self.blocks.last() else { return };
                // SAFETY: the block was handed out to this user.
                let usable = unsafe { heap.usable_size(at, layout) };
                is_inside(heap, at, layout, usable);
            }
            _ => {
                let Some((at, layout)) = self.take(choices) else { return };
                // SAFETY: the block was handed out to this user.
                let _ = unsafe { heap.free(context, at, layout) };
            }
        }
    }

    fn reallocate(&mut self, choices: &mut impl Choices, heap: &dyn Allocator, context: Context) {
        let size = any_layout(choices).size();
        let Some((at, old)) = self.take(choices) else { return };
        // SAFETY: the block was handed out to this user.
        match unsafe { heap.reallocate(context, at, old, size) } {
            Ok(at) => self.took(heap, at, layout(size, old.align())),
            Err(_) => self.blocks.push((at, old)),
        }
    }

    /// Makes one of the rarer calls, such as frees of what is no block: a
    /// container that is damaged does that.
    pub fn rare_call(
        &mut self,
        choices: &mut impl Choices,
        heap: &Slots,
        context: Context,
        link: Offset,
    ) {
        match choices.below(8) {
            0 => {
                let Some((at, _)) = self.take(choices) else { return };
                // SAFETY: the block was handed out to this user.
                let _ = unsafe { heap.free_unsized(at) };
            }
            1 => {
                let at = Offset::new(choices.below(heap.segment().geometry().len() * 2));
                // SAFETY: wrong on purpose; the heap looks whether it is one.
                let _ = unsafe { heap.free(context, at, any_layout(choices)) };
            }
            2 => {
                let at = Offset::new(choices.bits() as usize);
                let sizes = [heap.usable_size_of(at), heap.room_of(at)];
                sizes.into_iter().flatten().for_each(|size| is_inside(heap, at, BYTE, size));
                // SAFETY: as above.
                let _ = unsafe { heap.free_unsized(at) };
            }
            3 => self.local_call(choices, heap, context),
            _ => self.exchange(choices, heap, context, link),
        }
    }

    /// Calls through the slot, as programs do that replaced `malloc`.
    fn local_call(&mut self, choices: &mut impl Choices, heap: &Slots, context: Context) {
        let Some(local) = heap.local(context) else { return };
        let layout = any_layout(choices);
        if let Some(block) = local.try_allocate(layout) {
            let at = heap.offset_of(block).expect("inside the heap");
            self.took(heap, at, layout);
        }
        let Some((at, layout)) = self.take(choices) else { return };
        let Some(block) = heap.resolve(at, 1) else { return };
        // SAFETY: the block was handed out to this user, and is freed once.
        unsafe {
            let sizes = [local.usable_size_of(block), local.try_usable_size(block)];
            sizes.into_iter().flatten().for_each(|size| is_inside(heap, at, layout, size));
            let _ = if choices.below(2) == 0 {
                local.try_free(block, layout) || local.free(block, layout).is_ok()
            } else {
                local.try_free_unsized(block) || local.free_unsized(block).is_ok()
            };
        }
    }

    /// Exchanges the block that the word at `link` names.
    fn exchange(
        &mut self,
        choices: &mut impl Choices,
        heap: &Slots,
        context: Context,
        link: Offset,
    ) {
        let Some(word) = resolve::<AtomicOffsetPtr<u8>>(heap, link) else { return };
        // SAFETY: inside the heap and aligned; any bits are an atomic pointer.
        let word = unsafe { word.as_ref() };
        let layout = any_layout(choices);
        let fill = |block: NonNull<u8>| {
            // SAFETY: the block has that size.
            unsafe { block.write_bytes(0xa5, layout.size()) };
        };
        // SAFETY: the link is this user's, and its block was asked for with
        // that layout, unless somebody changed the link.
        unsafe {
            match (choices.below(4), self.linked) {
                (0, _) => {
                    if heap.allocate_into(context, word, layout, fill).is_ok() {
                        self.linked = Some(layout);
                    }
                }
                (1, Some(old)) => {
                    let _ = heap.free_from(context, word, old);
                    self.linked = None;
                }
                (2, Some(old)) => {
                    if heap.replace(context, word, old, layout, fill).is_ok() {
                        self.linked = Some(layout);
                    }
                }
                _ => {
                    // Any word as the link: what is there is spoilt then.
                    let link = Offset::new(choices.below(heap.segment().geometry().len() * 2));
                    let exchange =
                        Exchange { link, old: None, new: Some(layout), word: None, tag: 1 };
                    let _ = heap.exchange(context, &exchange, &mut |block| fill(block));
                }
            }
        }
    }

    /// Reads and writes what the user has.
    pub fn touch(&self, heap: &Slots) {
        for &(at, _) in self.blocks.iter().take(16) {
            if let Some(word) = resolve::<AtomicU64>(heap, at) {
                // SAFETY: inside the heap and aligned; any bits are a number.
                unsafe { word.as_ref() }.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }
}
