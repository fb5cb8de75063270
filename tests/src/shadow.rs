//! A model beside a heap: every block it was promised, with its contents.

use std::alloc::Layout;
use std::collections::BTreeMap;
use std::ptr::NonNull;

use anymem_core::allocator::{AllocError, Allocator};
use anymem_core::offset::Offset;
use anymem_core::thread::Context;

/// A block that the heap promised to keep.
#[derive(Debug, Clone, Copy)]
struct Promise {
    layout: Layout,
    tag: u8,
}

/// Makes calls to a heap and checks each answer.
///
/// Holds that live blocks do not overlap, are aligned, lie inside the heap and
/// keep their contents. Every failing check panics with what was seen: it is
/// for tests.
#[derive(Debug, Default)]
pub struct ShadowHeap {
    live: BTreeMap<usize, Promise>,
    tags: u8,
}

impl ShadowHeap {
    /// A model of an empty heap.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many blocks are live.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether no block is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Bytes that live blocks were asked for with.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.live.values().map(|promise| promise.layout.size()).sum()
    }

    /// Allocates a block and fills it.
    ///
    /// # Errors
    ///
    /// What the heap says.
    pub fn allocate(
        &mut self,
        heap: &dyn Allocator,
        context: Context,
        layout: Layout,
    ) -> Result<Offset, AllocError> {
        let at = heap.allocate(context, layout)?;
        self.promise(heap, at, layout);
        Ok(at)
    }

    /// Allocates a block of zeroes, checks that it is one, and fills it.
    ///
    /// # Errors
    ///
    /// What the heap says.
    pub fn allocate_zeroed(
        &mut self,
        heap: &dyn Allocator,
        context: Context,
        layout: Layout,
    ) -> Result<Offset, AllocError> {
        let at = heap.allocate_zeroed(context, layout)?;
        let bytes = slice(heap, at, layout.size());
        assert!(bytes.iter().all(|&byte| byte == 0), "zeroed block {at} is not zero");
        self.promise(heap, at, layout);
        Ok(at)
    }

    fn promise(&mut self, heap: &dyn Allocator, at: Offset, layout: Layout) {
        let (start, end) = (at.get(), at.get() + layout.size().max(1));
        assert!(!at.is_null(), "a block at the null offset");
        let ptr = heap.resolve(at, layout.size()).expect("a block lies inside the heap");
        assert_eq!(ptr.addr().get() % layout.align(), 0, "block {at} is not aligned: {layout:?}");
        if let Some((&other, found)) = self.live.range(..end).next_back() {
            let other_end = other + found.layout.size().max(1);
            assert!(other_end <= start, "blocks overlap: {other:#x}..{other_end:#x} and {at}");
        }
        self.tags = self.tags.wrapping_add(1);
        // SAFETY: the bytes of a live block, which only the model uses.
        unsafe { self::start(heap, at, layout.size()).write_bytes(self.tags, layout.size()) };
        self.live.insert(start, Promise { layout, tag: self.tags });
    }

    /// Frees the `index`-th live block, counted by address, modulo their
    /// number; whether there was one.
    pub fn free_nth(&mut self, heap: &dyn Allocator, context: Context, index: usize) -> bool {
        let Some((at, promise)) = self.nth(index) else { return false };
        self.check_contents(heap, at, promise, promise.layout.size());
        self.live.remove(&at);
        // SAFETY: the block is live: the model has it, and forgets it now.
        let freed = unsafe { heap.free(context, Offset::new(at), promise.layout) };
        assert_eq!(freed, Ok(()), "freeing the live block +{at:#x}, {promise:?}");
        true
    }

    /// Resizes the `index`-th live block and checks what it keeps; whether
    /// there was one.
    ///
    /// # Errors
    ///
    /// What the heap says; the block is as it was then.
    pub fn reallocate_nth(
        &mut self,
        heap: &dyn Allocator,
        context: Context,
        index: usize,
        new_size: usize,
    ) -> Result<bool, AllocError> {
        let Some((at, promise)) = self.nth(index) else { return Ok(false) };
        // SAFETY: the block is live: the model has it.
        let moved = unsafe { heap.reallocate(context, Offset::new(at), promise.layout, new_size) };
        let moved = match moved {
            Ok(moved) => moved,
            Err(error) => {
                self.check_contents(heap, at, promise, promise.layout.size());
                return Err(error);
            }
        };
        let kept = promise.layout.size().min(new_size);
        self.check_contents(heap, moved.get(), promise, kept);
        self.live.remove(&at);
        let layout =
            Layout::from_size_align(new_size, promise.layout.align()).expect("it was served");
        self.promise(heap, moved, layout);
        Ok(true)
    }

    /// Checks the contents of all live blocks.
    pub fn check_all(&self, heap: &dyn Allocator) {
        for (&at, &promise) in &self.live {
            self.check_contents(heap, at, promise, promise.layout.size());
        }
    }

    /// Frees everything.
    pub fn free_all(&mut self, heap: &dyn Allocator, context: Context) {
        while self.free_nth(heap, context, 0) {}
    }

    fn nth(&self, index: usize) -> Option<(usize, Promise)> {
        let count = self.live.len().max(1);
        self.live.iter().nth(index % count).map(|(&at, &promise)| (at, promise))
    }

    fn check_contents(&self, heap: &dyn Allocator, at: usize, promise: Promise, len: usize) {
        let bytes = slice(heap, Offset::new(at), len);
        let spoilt = bytes.iter().position(|&byte| byte != promise.tag);
        assert_eq!(spoilt, None, "block +{at:#x}, {promise:?}, was overwritten");
    }
}

fn start(heap: &dyn Allocator, at: Offset, len: usize) -> NonNull<u8> {
    heap.resolve(at, len).expect("a block lies inside the heap")
}

fn slice(heap: &dyn Allocator, at: Offset, len: usize) -> &[u8] {
    // SAFETY: `len` bytes of a block that is live, which only the model uses.
    unsafe { std::slice::from_raw_parts(start(heap, at, len).as_ptr(), len) }
}
