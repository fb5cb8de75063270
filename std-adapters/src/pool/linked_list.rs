//! A first-fit list over spans, for a few KiB.

use core::alloc::Layout;
use core::num::NonZeroUsize;
use core::ptr::NonNull;
use std::collections::BTreeMap;
use std::sync::Arc;

use anymem_core::allocator::{Allocator, LinkedListAllocator};
use anymem_core::backend::Backend;
use anymem_core::offset::AllocatorId;
use anymem_core::thread::Context;

use super::block_header::BlockHeader;
use super::lock::Lock;
use super::{Pool, PoolError, PoolStats, Tracked};
use crate::backend::ProviderBackend;
use crate::provider::{Provider, Span};
use crate::thread::{PthreadModel, fork};

/// A pool that threads a list through its free memory, for a few KiB of it.
///
/// It takes little more than the blocks themselves, 16 bytes each, and finds the first gap
/// that is large enough: slow where there are many blocks. When none is, it takes a span
/// more. One lock guards it all, which is not held while the provider is called.
///
/// What was written before a block or into a free one is trusted as far as it stays inside
/// of the span. A block that is freed twice is seen, unless its place was handed out since.
#[derive(Debug)]
pub struct LinkedListPool {
    memory: Tracked,
    name: String,
    step: usize,
    lists: Lock<Lists>,
}

type Heap = LinkedListAllocator<ProviderBackend, PthreadModel>;

#[derive(Debug, Default)]
struct Lists {
    by_start: BTreeMap<NonZeroUsize, List>,
    reserved: usize,
}

/// One span and the blocks in it.
#[derive(Debug)]
struct List {
    heap: Heap,
    used: usize,
    blocks: usize,
}

/// Bytes that a span is asked for with, if nobody said otherwise.
const STEP: usize = 64 << 10;

/// Bytes of a span that no block can have.
const SLACK: usize = 64;

impl LinkedListPool {
    /// A pool over spans of `memory`, which it takes as it needs them.
    ///
    /// # Errors
    ///
    /// The CPU cannot touch the provider's memory.
    pub fn new(memory: Tracked) -> Result<Self, PoolError> {
        if !memory.touchable() {
            return Err(memory.unsupported("memory that the CPU can touch").into());
        }
        let lists = Lock::default();
        Ok(Self { memory, name: "linked list".to_owned(), step: STEP, lists })
    }

    /// The same, called `name`.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The same, which asks the provider for `bytes` at a time, or for what a block needs
    /// if that is more.
    #[must_use]
    pub fn by_steps_of(self, bytes: usize) -> Self {
        Self { step: bytes, ..self }
    }

    fn not_a_block(&self, block: NonNull<u8>) -> PoolError {
        PoolError::NotABlock { pool: self.name.clone(), address: block.addr().get() }
    }

    /// A span more, with room for `layout`, which nobody else knows of.
    fn grow(&self, layout: Layout) -> Result<List, PoolError> {
        let too_large = PoolError::TooLarge { requested: layout.size() };
        let least = layout.size().checked_add(layout.align()).and_then(|it| it.checked_add(SLACK));
        let size = least.ok_or(too_large)?.max(self.step);
        let _hold = fork::hold();
        let backend = ProviderBackend::new(Arc::new(self.memory.clone()), size.into())?;
        // Nobody looks it up by its id.
        let heap = Heap::new(backend, PthreadModel, AllocatorId::new(0, 0));
        Ok(List { heap, used: 0, blocks: 0 })
    }
}

impl Lists {
    /// The list whose span `at` is in.
    fn of(&mut self, at: NonNull<u8>) -> Option<&mut List> {
        let (_, list) = self.by_start.range_mut(..=at.addr()).next_back()?;
        list.span().contains(at).then_some(list)
    }

    fn add(&mut self, list: List) {
        let span = list.span();
        self.reserved += span.len;
        self.by_start.insert(span.start.addr(), list);
    }
}

impl List {
    fn span(&self) -> Span {
        Span::new(self.heap.backend().base(), self.heap.backend().len())
    }

    /// Takes a place for `layout`, which has room for a header.
    fn take(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        let at = self.heap.allocate(Context::DEFAULT, layout).ok()?;
        let place = self.heap.resolve(at, layout.size())?;
        self.used += layout.size();
        self.blocks += 1;
        Some(place)
    }

    /// The header of a live block; `None` if no block starts there.
    fn header(&self, block: NonNull<u8>) -> Option<BlockHeader> {
        // SAFETY: the span is the pool's, and may be read.
        unsafe { BlockHeader::find(block, self.span()) }
    }

    /// # Safety
    ///
    /// `header` is that of `block`, which is live and not used afterwards.
    unsafe fn give_back(&mut self, block: NonNull<u8>, header: BlockHeader) -> Option<()> {
        // SAFETY: the block is live, so its header is there.
        let (place, layout) = unsafe { header.remove(block) };
        let at = self.heap.offset_of(place)?;
        // SAFETY: the place was taken with this layout (`BlockHeader`).
        unsafe { self.heap.free(Context::DEFAULT, at, layout) }.ok()?;
        self.used -= layout.size().min(self.used);
        self.blocks -= 1.min(self.blocks);
        Some(())
    }
}

// SAFETY: places are those of the inner allocator, which are disjoint, and a block is the
// part of its place behind the header, as large and as aligned as was asked for.
unsafe impl Pool for LinkedListPool {
    fn name(&self) -> &str {
        &self.name
    }

    fn provider(&self) -> &dyn Provider {
        &self.memory
    }

    fn memory(&self) -> Option<&Tracked> {
        Some(&self.memory)
    }

    fn allocate(&self, layout: Layout) -> Result<NonNull<u8>, PoolError> {
        let too_large = PoolError::TooLarge { requested: layout.size() };
        let (header, place) = BlockHeader::plan(layout).ok_or(too_large)?;
        let found = self.lists.lock().by_start.values_mut().find_map(|list| list.take(place));
        let start = match found {
            Some(start) => start,
            None => {
                let mut list = self.grow(place)?;
                let start = list.take(place);
                self.lists.lock().add(list);
                start.ok_or(PoolError::TooLarge { requested: layout.size() })?
            }
        };
        // SAFETY: the place is new and as large as the header's plan.
        Ok(unsafe { header.write(start) })
    }

    unsafe fn free(&self, block: NonNull<u8>) -> Result<(), PoolError> {
        let mut lists = self.lists.lock();
        let freed = lists.of(block).and_then(|list| {
            let header = list.header(block)?;
            // SAFETY: passed on from the caller.
            unsafe { list.give_back(block, header) }
        });
        freed.ok_or_else(|| self.not_a_block(block))
    }

    fn usable_size(&self, block: NonNull<u8>) -> Result<usize, PoolError> {
        let mut lists = self.lists.lock();
        let header = lists.of(block).and_then(|list| list.header(block));
        header.map(BlockHeader::usable).ok_or_else(|| self.not_a_block(block))
    }

    /// Gives spans back that no block is in.
    fn trim(&self, keep: usize) -> usize {
        let _hold = fork::hold();
        let mut lists = self.lists.lock();
        let mut free =
            lists.reserved - lists.by_start.values().map(|list| list.used).sum::<usize>();
        let before = lists.reserved;
        let mut gone = Vec::new();
        for (start, list) in lists.by_start.iter().filter(|(_, list)| list.blocks == 0) {
            let len = list.span().len;
            if free.saturating_sub(len) >= keep {
                free -= len;
                gone.push(*start);
            }
        }
        let gone: Vec<_> = gone.iter().filter_map(|start| lists.by_start.remove(start)).collect();
        lists.reserved -= gone.iter().map(|list| list.span().len).sum::<usize>();
        let went = before - lists.reserved;
        drop(lists);
        drop(gone);
        went
    }

    fn stats(&self) -> PoolStats {
        let lists = self.lists.lock();
        let counts = lists.by_start.values().map(|list| (list.used, list.blocks));
        let (used, blocks) = counts.fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
        PoolStats { used, reserved: lists.reserved, blocks }
    }
}
