//! Named roots as values: how processes find each other's containers.
//!
//! A root's value is in the heap and stays there until it is
//! [unbound](SharedHeap::unbind_root), so a reference to it lives as long as
//! the handle it came from.

use anymem_core::allocator::Allocator;
use anymem_core::container::{ContainerError, ShmBox, ShmSafe, type_tag};
use anymem_core::offset::ShmPtr;
use anymem_core::segment::RootError;
use anymem_core::thread::ThreadModel;

use super::SharedHeap;
use crate::error::RootValueError;
use crate::thread::SystemModel;

/// How often finding and binding by turns is tried, while other processes bind
/// and unbind the same name.
const TRIES: usize = 1000;

impl SharedHeap {
    /// The value named `name`.
    ///
    /// # Errors
    ///
    /// [`RootError::Missing`], [`RootError::OtherType`] if it is not a `T`,
    /// [`RootError::OtherSchema`] if it is one of another version, and
    /// [`RootValueError::ReadOnly`], for a `T` may change itself through a
    /// shared reference.
    pub fn root<T: ShmSafe + Send + Sync>(&self, name: &str) -> Result<&T, RootValueError> {
        if self.is_read_only() {
            return Err(RootValueError::ReadOnly);
        }
        // SAFETY: the heap can be written.
        unsafe { self.root_to_read(name) }
    }

    /// The value named `name`, also in a heap that was opened for reading only.
    ///
    /// # Errors
    ///
    /// As [`root`](Self::root).
    ///
    /// # Safety
    ///
    /// If the heap [is read-only](Self::is_read_only), nothing in the value that
    /// changes through a shared reference is used: no atomic and no map, whose
    /// very reading takes locks. Strings, vectors and boxes of plain data do
    /// not.
    pub unsafe fn root_to_read<T: ShmSafe + Send + Sync>(
        &self,
        name: &str,
    ) -> Result<&T, RootValueError> {
        let at = self.roots().find(name, &type_tag::<T>())?;
        let place = self.resolve(at, size_of::<T>()).ok_or(ContainerError::Corrupt)?;
        // SAFETY: `find` checked that it is aligned. A live `T` is there while
        // it is bound (contract of `bind`), and `unbind_root`'s caller sees to
        // it that nobody has a reference. The heap stays attached while `self`
        // is borrowed.
        Ok(unsafe { place.cast::<T>().as_ref() })
    }

    /// Names a value, so that any process finds it.
    ///
    /// # Errors
    ///
    /// [`RootError::Exists`] if the name is taken, [`RootError::Full`],
    /// [`RootError::BadName`], [`RootError::Busy`] if a living process holds the
    /// names and does not let go, [`RootValueError::OtherHeap`]; the value is
    /// dropped.
    pub fn bind_root<T: ShmSafe + Send + Sync>(
        &self,
        name: &str,
        value: ShmBox<T>,
    ) -> Result<&T, RootValueError> {
        if value.heap_id() != self.id() {
            let (found, expected) = (value.heap_id(), self.id());
            return Err(RootValueError::OtherHeap { found, expected });
        }
        let at = value.shm_ptr().ptr.offset();
        // SAFETY: a live value of that type is there, and nobody drops it: the
        // box is given up below.
        unsafe { self.roots().bind(name, &type_tag::<T>(), at) }?;
        let _ = value.into_shm_ptr();
        self.root(name)
    }

    /// The value named `name`, made by `make` if there is none.
    ///
    /// Of several processes that do so at the same time all get the same value;
    /// `make` may be called in more than one of them.
    ///
    /// # Errors
    ///
    /// As [`root`](Self::root) and [`bind_root`](Self::bind_root), and what
    /// `make` says.
    ///
    /// ```
    /// use anymem::container::ShmVec;
    /// use anymem::{HeapOptions, Size};
    /// let heap = HeapOptions::new().create_memfd("lists", Size::mib(8))?;
    /// let list = heap.root_or_create("list", |heap| Ok(ShmVec::<u32>::new_in(heap)))?;
    /// assert_eq!(list.len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn root_or_create<T: ShmSafe + Send + Sync>(
        &self,
        name: &str,
        make: impl Fn(&Self) -> Result<T, ContainerError>,
    ) -> Result<&T, RootValueError> {
        let mut result = self.root(name);
        for _ in 0..TRIES {
            match root_error(&result) {
                Some(RootError::Missing { .. }) => {
                    result = self.bind_root(name, ShmBox::new_in(make(self)?, self)?);
                }
                Some(RootError::Exists { .. }) => {
                    SystemModel.yield_now();
                    result = self.root(name);
                }
                _ => break,
            }
        }
        result
    }

    /// Takes a name away from its value, which is the caller's then.
    ///
    /// # Errors
    ///
    /// As [`root`](Self::root), and [`RootError::Busy`].
    ///
    /// # Safety
    ///
    /// No process has a reference to the value from [`root`](Self::root) or the
    /// like, or is about to get one.
    pub unsafe fn unbind_root<T: ShmSafe + Send + Sync>(
        &self,
        name: &str,
    ) -> Result<ShmBox<T>, RootValueError> {
        let at = self.roots().unbind(name, &type_tag::<T>())?;
        // SAFETY: `bind_root` gave the box up, and the name led nobody else here
        // (contract).
        Ok(unsafe { ShmBox::from_shm_ptr(ShmPtr::new(self.id(), at)) }?)
    }
}

fn root_error<T>(result: &Result<&T, RootValueError>) -> Option<RootError> {
    match result {
        Err(RootValueError::Root(error)) => Some(**error),
        _ => None,
    }
}
