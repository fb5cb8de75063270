//! A heap that several processes share.

#[cfg(unix)]
mod descriptor;
pub(crate) mod failure;
mod options;
mod reclaim;
mod root;
mod table;

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use std::path::Path;
use std::sync::Arc;

use anymem_core::allocator::ThreadLocalAllocator;
use anymem_core::allocator::{AllocError, Allocator, Broken, Exchange, FreeError, Stats, TlsFull};
use anymem_core::backend::Backend;
use anymem_core::offset::{AllocatorId, Offset};
use anymem_core::segment::Roots;
use anymem_core::thread::{Context, Owner, ThreadModel};

pub use self::options::HeapOptions;
use crate::attached::Attached;
use crate::backend::{Entry, SegmentInfo, SharedSpan};
use crate::error::HeapError;
use crate::size::{IntoSize, Size};
use crate::thread::SystemModel;

/// The allocator of a [`SharedHeap`].
pub type SharedAllocator = ThreadLocalAllocator<SharedSpan, SystemModel>;

/// A heap in shared memory that several processes have open at the same time.
///
/// A handle is cheap to clone. Opening the same heap twice in one process gives
/// handles of one mapping. Values in the heap find it by its id in whichever
/// process they are used, so it stays attached when the last handle is dropped:
/// until the process ends, or [`detach`](Self::detach) is called.
///
/// For its methods as an [`Allocator`], [`Context::DEFAULT`] means the calling
/// thread's own heap slot; see [`Attached`].
///
/// ```
/// use anymem::{HeapOptions, SharedHeap, Size};
/// let name = format!("example.{}", std::process::id());
/// let heap = SharedHeap::create(&name, Size::mib(64))?;
/// // Elsewhere, in another process:
/// let same = SharedHeap::open(&name)?;
/// assert_eq!(heap.id(), same.id());
/// SharedHeap::unlink(&name)?;
/// # Ok::<(), anymem::HeapError>(())
/// ```
#[derive(Clone)]
pub struct SharedHeap {
    inner: Arc<Inner>,
}

struct Inner {
    attached: Attached<SharedAllocator>,
    name: String,
    /// Its place in a directory; heaps of memory files have none.
    entry: Option<Entry>,
}

impl SharedHeap {
    /// Creates the heap `name` of `size`.
    ///
    /// Other processes see it complete or not at all.
    ///
    /// # Errors
    ///
    /// [`HeapError::Exists`] if the name is taken; those about names and sizes;
    /// [`HeapError::NoSpace`] where the file system is full; see [`HeapError`].
    pub fn create(name: &str, size: impl IntoSize) -> Result<Self, HeapError> {
        HeapOptions::new().create(name, size)
    }

    /// Opens the heap `name`, and takes back what dead processes held of it.
    ///
    /// # Errors
    ///
    /// [`HeapError::Missing`] if there is none; [`HeapError::Permission`];
    /// those that say what is wrong with what was found; see [`HeapError`].
    pub fn open(name: &str) -> Result<Self, HeapError> {
        HeapOptions::new().open(name)
    }

    /// Opens the heap `name`, or creates it if there is none.
    ///
    /// Of several processes that do so at the same time one creates it, and all
    /// get the same. A heap that exists keeps its size.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub fn open_or_create(name: &str, size: impl IntoSize) -> Result<Self, HeapError> {
        HeapOptions::new().open_or_create(name, size)
    }

    /// Opens the heap `name` without the right to write: allocating is an error.
    ///
    /// If this process has it open for writing already, the handle is one of
    /// that mapping.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_read_only(name: &str) -> Result<Self, HeapError> {
        HeapOptions::new().open_read_only(name)
    }

    /// Takes the name `name` away from its heap, which goes when no process has
    /// it open any more.
    ///
    /// # Errors
    ///
    /// [`HeapError::BadName`], [`HeapError::Missing`],
    /// [`HeapError::Permission`].
    pub fn unlink(name: &str) -> Result<(), HeapError> {
        HeapOptions::new().unlink(name)
    }

    /// The heaps of this machine.
    ///
    /// # Errors
    ///
    /// The directory cannot be read.
    pub fn list() -> Result<Vec<SegmentInfo>, HeapError> {
        HeapOptions::new().list()
    }

    /// The id by which values in the heap find it, the same in every process.
    #[must_use]
    pub fn id(&self) -> AllocatorId {
        self.allocator().id()
    }

    /// What the heap was called when it was created or opened.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// The file that the heap is in; `None` for memory files without a name.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.inner.entry.as_ref().map(|entry| entry.path.as_path())
    }

    /// Length of the heap, its own tables included.
    #[must_use]
    pub fn size(&self) -> Size {
        self.allocator().backend().len().into()
    }

    /// Whether the heap was opened without the right to write.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        self.allocator().backend().read_only()
    }

    /// Whether it [keeps](HeapOptions::resident) all memory that it ever used.
    #[must_use]
    pub fn is_resident(&self) -> bool {
        self.allocator().segment().is_resident()
    }

    /// The named roots: how processes find each other's values.
    #[must_use]
    pub fn roots(&self) -> Roots<'_> {
        self.allocator().roots()
    }

    /// Who holds heap slots, an entry a slot.
    pub fn owners(&self) -> impl Iterator<Item = Owner> + '_ {
        self.allocator().owners()
    }

    /// Takes back what dead processes held; how many slots that were.
    ///
    /// Done by itself when a heap is opened for writing, and when slots or room
    /// run out.
    pub fn recover(&self) -> usize {
        self.allocator().recover()
    }

    /// Gives free memory back to the system; how many bytes.
    pub fn trim(&self) -> usize {
        self.allocator().trim(self.inner.attached.context(Context::DEFAULT))
    }

    /// Walks the heap's tables and tells what is broken.
    ///
    /// Reliable while nobody allocates. All that is broken, and where, is told by
    /// [`for_each_fault`](SharedAllocator::for_each_fault).
    ///
    /// # Errors
    ///
    /// The first thing that is.
    pub fn check(&self) -> Result<(), Broken> {
        self.allocator().check()
    }

    /// Frees a block whose layout the caller does not know.
    ///
    /// # Errors
    ///
    /// As [`Allocator::free`].
    ///
    /// # Safety
    ///
    /// `at` is a live block of this heap and is not used afterwards.
    pub unsafe fn free_unsized(&self, at: Offset) -> Result<(), FreeError> {
        let context = self.inner.attached.context(Context::DEFAULT);
        match (self.allocator().local(context), self.resolve(at, 1)) {
            // SAFETY: passed on from the caller.
            (Some(local), Some(block)) => unsafe { local.free_unsized(block) },
            // SAFETY: as above.
            _ => unsafe { self.allocator().free_unsized(at) },
        }
    }

    /// Bytes of the block at `at` that may be used, for a caller that does not
    /// know its layout; `None` where no block starts.
    #[must_use]
    pub fn usable_size_of(&self, at: Offset) -> Option<usize> {
        self.allocator().usable_size_of(at)
    }

    /// The allocator itself, for which [`Context::DEFAULT`] means no slot.
    #[must_use]
    pub fn allocator(&self) -> &SharedAllocator {
        self.inner.attached.allocator()
    }

    /// Unmaps the heap. Others who have it open, and its name, stay.
    ///
    /// # Errors
    ///
    /// [`HeapError::InUse`] while other handles are alive in this process.
    ///
    /// # Safety
    ///
    /// Nothing in the heap is in use in this process: no reference to a value
    /// in it is alive, and no thread is in a call that uses it.
    pub unsafe fn detach(self) -> Result<(), HeapError> {
        // SAFETY: passed on from the caller.
        unsafe { table::remove(self) }
    }
}

impl fmt::Debug for SharedHeap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedHeap({:?}, id {}, {})", self.name(), self.id(), self.size())
    }
}

// SAFETY: every block is the attached allocator's, which keeps the contract;
// it stays attached as long as there are handles.
unsafe impl Allocator for SharedHeap {
    fn id(&self) -> AllocatorId {
        self.inner.attached.id()
    }

    fn read_only(&self) -> bool {
        self.inner.attached.read_only()
    }

    fn thread_model(&self) -> &dyn ThreadModel {
        self.inner.attached.thread_model()
    }

    fn create_tls(&self) -> Result<Context, TlsFull> {
        self.inner.attached.create_tls()
    }

    unsafe fn free_tls(&self, context: Context) {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.attached.free_tls(context) };
    }

    #[inline]
    fn allocate(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.inner.attached.allocate(context, layout)
    }

    #[inline]
    fn allocate_zeroed(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.inner.attached.allocate_zeroed(context, layout)
    }

    #[inline]
    unsafe fn reallocate(
        &self,
        context: Context,
        at: Offset,
        layout: Layout,
        new_size: usize,
    ) -> Result<Offset, AllocError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.attached.reallocate(context, at, layout, new_size) }
    }

    fn allocate_growing(&self, context: Context, layout: Layout) -> Result<Offset, AllocError> {
        self.inner.attached.allocate_growing(context, layout)
    }

    unsafe fn grow(&self, context: Context, at: Offset, layout: Layout, new_size: usize) -> bool {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.attached.grow(context, at, layout, new_size) }
    }

    #[inline]
    unsafe fn free(&self, context: Context, at: Offset, layout: Layout) -> Result<(), FreeError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.attached.free(context, at, layout) }
    }

    unsafe fn exchange(
        &self,
        context: Context,
        exchange: &Exchange,
        fill: &mut dyn FnMut(NonNull<u8>),
    ) -> Result<Offset, AllocError> {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.attached.exchange(context, exchange, fill) }
    }

    fn recover(&self) -> usize {
        Self::recover(self)
    }

    fn usable_size_of(&self, at: Offset) -> Option<usize> {
        Self::usable_size_of(self, at)
    }

    #[inline]
    unsafe fn usable_size(&self, at: Offset, layout: Layout) -> usize {
        // SAFETY: passed on from the caller.
        unsafe { self.inner.attached.usable_size(at, layout) }
    }

    #[inline]
    fn resolve(&self, at: Offset, size: usize) -> Option<NonNull<u8>> {
        self.inner.attached.resolve(at, size)
    }

    #[inline]
    fn offset_of(&self, ptr: NonNull<u8>) -> Option<Offset> {
        self.inner.attached.offset_of(ptr)
    }

    fn stats(&self) -> Stats {
        self.inner.attached.stats()
    }
}
