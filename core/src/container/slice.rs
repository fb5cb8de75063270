//! A view of values that live in some heap, small enough to be sent.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::slice;

use super::{Fingerprint, ShmSafe, Trace, TraceError, Tracer};
use crate::allocator::Allocator;
use crate::offset::{AllocatorId, Offset};

/// Bits of a word that hold an offset or a length; the others hold half of the
/// mark.
const BITS: u32 = 48;
const MASK: u64 = (1 << BITS) - 1;

/// A view of a slice in a heap: of an ordinary `Vec<T>` or `Box<[T]>` of a program
/// whose global allocator is a heap, or of any other values in one.
///
/// Sending it to another process, in whatever way, is sending 16 bytes: an offset,
/// a length, and a mark of the heap and of the type, by which who opens it in
/// another heap or as another type is told so.
///
/// ```text
/// offset (48) │ mark, low (16) │ length (48) │ mark, high (16)
/// ```
///
/// # Who keeps the values
///
/// A view owns nothing, as a `&[T]` does, but nobody looks after it:
///
/// - Whoever makes a view keeps the values, where they are and as they are, until
///   everybody to whom it went has said to be done. A `Vec` must not even be
///   pushed to, for it may move; dropping it gives the bytes to others.
/// - If the owner dies, the values stay: a block in use is not taken back with
///   the dead, and is freed by nobody any more.
/// - Whoever opens a view reads only, before saying to be done.
///
/// [`open`](Self::open) is `unsafe` for that reason alone; where the view came
/// from is checked.
///
/// ```
/// use anymem_core::allocator::{Allocator, ScalablePageAllocator};
/// use anymem_core::backend::ArrayBackend;
/// use anymem_core::container::ShmSlice;
/// # use anymem_core::offset::AllocatorId;
/// # use anymem_core::segment::Config;
/// # use anymem_core::thread::{Bare, Context};
/// # use core::alloc::Layout;
/// # let mut memory = vec![0; 1 << 20];
/// # let backend = ArrayBackend::<4096>::new(&mut memory);
/// # let config = Config::new(AllocatorId::new(5, 1));
/// # let heap = ScalablePageAllocator::<_, _, 12>::create(backend, Bare, &config)?;
/// # let at = heap.allocate(Context::DEFAULT, Layout::new::<[u64; 3]>())?;
/// # let place = heap.resolve(at, 24).unwrap().cast::<[u64; 3]>();
/// # unsafe { place.write([1, 2, 3]) };
/// # let values: &[u64] = unsafe { place.as_ref() };
/// let sent = ShmSlice::of(values, &heap)?;
/// assert_eq!(size_of_val(&sent), 16);
/// // SAFETY: `values` outlives what is opened, and nobody changes it.
/// assert_eq!(unsafe { sent.open(&heap) }?, [1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[repr(C)]
pub struct ShmSlice<T> {
    at: u64,
    len: u64,
    of: PhantomData<*const T>,
}

// SAFETY: plain numbers; opening it is `unsafe`.
unsafe impl<T> Send for ShmSlice<T> {}
// SAFETY: as for `Send`.
unsafe impl<T> Sync for ShmSlice<T> {}

/// Why a view could not be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SliceError {
    /// The values are not in the heap: on the stack, say, or a static.
    NotInHeap {
        /// The heap.
        heap: AllocatorId,
    },
    /// The view is of another heap, of another type, or damaged.
    NotOfHeap {
        /// The heap that it was to be opened in.
        heap: AllocatorId,
    },
    /// The view does not lie in its heap, or not as its type must.
    Corrupt,
    /// More elements, or further inside the heap, than a view can tell.
    TooLarge,
}

impl fmt::Display for SliceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInHeap { heap } => {
                write!(f, "the values are not in heap {heap}: put them into a vector there")
            }
            Self::NotOfHeap { heap } => write!(
                f,
                "the view is of another heap than {heap}, or of another type: open it in the \
                 heap and as the type that it was made of"
            ),
            Self::Corrupt => f.write_str("the view is damaged: ask for another"),
            Self::TooLarge => write!(f, "a view tells of 2^{BITS} bytes and elements at most"),
        }
    }
}

impl core::error::Error for SliceError {}

impl<T: ShmSafe> ShmSlice<T> {
    /// What all views of this type have in their marks.
    const MARK: Fingerprint =
        Fingerprint::new("ShmSlice", size_of::<T>(), align_of::<T>()).number(T::FINGERPRINT);

    /// A view of `values`, which live in `heap`.
    ///
    /// # Errors
    ///
    /// [`SliceError::NotInHeap`], [`SliceError::TooLarge`].
    pub fn of(values: &[T], heap: &(impl Allocator + ?Sized)) -> Result<Self, SliceError> {
        let at = match size_of_val(values) {
            0 => Offset::NULL,
            bytes => {
                let start = NonNull::from(values).cast();
                let found = heap.offset_of(start).filter(|at| heap.resolve(*at, bytes).is_some());
                found.ok_or(SliceError::NotInHeap { heap: heap.id() })?
            }
        };
        let (at, len) = (at.get() as u64, values.len() as u64);
        if at > MASK || len > MASK {
            return Err(SliceError::TooLarge);
        }
        let [low, high] = Self::marks(heap.id());
        Ok(Self { at: at | low, len: len | high, of: PhantomData })
    }

    /// The values in this process, whose way to the heap is `heap`.
    ///
    /// # Errors
    ///
    /// [`SliceError::NotOfHeap`] if the view is of another heap or type;
    /// [`SliceError::Corrupt`] if it does not lie inside.
    ///
    /// # Safety
    ///
    /// The values are there, and are neither moved nor changed nor dropped, as
    /// long as what comes back is in use; see [the rules](Self#who-keeps-the-values).
    pub unsafe fn open<'h>(
        &self,
        heap: &'h (impl Allocator + ?Sized),
    ) -> Result<&'h [T], SliceError> {
        let id = heap.id();
        if [self.at & !MASK, self.len & !MASK] != Self::marks(id) {
            return Err(SliceError::NotOfHeap { heap: id });
        }
        let len = self.len();
        let bytes = len.checked_mul(size_of::<T>()).ok_or(SliceError::Corrupt)?;
        let start = if bytes == 0 {
            NonNull::dangling()
        } else {
            let at = Offset::new((self.at & MASK) as usize);
            let found = heap.resolve(at, bytes).filter(|_| !at.is_null()).map(NonNull::cast::<T>);
            found.filter(|start| start.is_aligned()).ok_or(SliceError::Corrupt)?
        };
        // SAFETY: `len` values from `start` are inside the heap, which is mapped for
        // as long as it is borrowed, and aligned; they are values of that type and
        // left alone (contract).
        Ok(unsafe { slice::from_raw_parts(start.as_ptr(), len) })
    }

    /// The two halves of the mark, where they stand in the words.
    const fn marks(heap: AllocatorId) -> [u64; 2] {
        let mark = Self::MARK.number(heap.to_u64()).finish();
        [mark << BITS, (mark >> 16) << BITS]
    }
}

impl<T> ShmSlice<T> {
    /// How many elements there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        (self.len & MASK) as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Clone for ShmSlice<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ShmSlice<T> {}

impl<T> PartialEq for ShmSlice<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.len) == (other.at, other.len)
    }
}

impl<T> Eq for ShmSlice<T> {}

impl<T> fmt::Debug for ShmSlice<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ShmSlice({} elements at {:#x})", self.len(), self.at & MASK)
    }
}

/// Owns nothing, but where it is of the heap that it is in, the block is kept.
impl<T: ShmSafe> Trace for ShmSlice<T> {
    fn trace(&self, tracer: &mut Tracer<'_>) -> Result<(), TraceError> {
        let [low, _] = Self::marks(tracer.heap().allocator().id());
        if self.at & !MASK == low {
            tracer.pointer(Offset::new((self.at & MASK) as usize))?;
        }
        Ok(())
    }
}
