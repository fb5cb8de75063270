//! Objects that a stream has until the end of its scope.
//!
//! A stream does one thing after the other, so whoever has lent it an object may ask for any
//! number of copies of it, and need not wait in between. Only the stream may use it until then:
//! what is lent is borrowed for the scope, and works in that scope alone.

use std::fmt;
use std::marker::PhantomData;

use anymem_core::memory::{MemMut, MemRef, Memory, Pod, Route};

use super::DeviceAddress;
use super::identity::id_of;
use super::place::Whose;
use crate::driver::Direction;
use crate::{GpuError, Scope};

/// Which scope; neither longer nor shorter.
type Brand<'scope> = PhantomData<fn(&'scope ()) -> &'scope ()>;

/// Elements of some memory that a stream may write until the end of its scope.
pub struct Lent<'scope, T: Pod, M: Memory> {
    elements: MemMut<'scope, T, M>,
    brand: Brand<'scope>,
}

/// Elements of some memory that a stream may read until the end of its scope.
pub struct Shown<'scope, T: Pod, M: Memory> {
    elements: MemRef<'scope, T, M>,
    brand: Brand<'scope>,
}

/// What a stream may read until the end of its scope: [`Lent`] and [`Shown`].
pub trait InScope<'scope>: sealed::Sealed {
    /// Of what.
    type Item: Pod;

    /// Where they are.
    type Memory: Memory;

    /// The elements.
    fn elements(&self) -> MemRef<'_, Self::Item, Self::Memory>;
}

mod sealed {
    pub trait Sealed {}
}

impl<T: Pod, M: Memory> sealed::Sealed for Lent<'_, T, M> {}
impl<T: Pod, M: Memory> sealed::Sealed for Shown<'_, T, M> {}

impl<'scope, T: Pod, M: Memory> InScope<'scope> for Lent<'scope, T, M> {
    type Item = T;
    type Memory = M;

    fn elements(&self) -> MemRef<'_, T, M> {
        self.elements.as_ref()
    }
}

impl<'scope, T: Pod, M: Memory> InScope<'scope> for Shown<'scope, T, M> {
    type Item = T;
    type Memory = M;

    fn elements(&self) -> MemRef<'_, T, M> {
        self.elements
    }
}

/// # Examples
///
/// ```
/// use anymem::memory::{MemRead, MemSlice, MemWrite};
/// use anymem_gpu::{Device, DeviceMemory, PinnedMemory};
///
/// for device in Device::all() {
///     let (memory, pinned) = (DeviceMemory::new(&device)?, PinnedMemory::new(&device));
///     let numbers = MemSlice::filled(1000, 7_u32, &pinned)?;
///     let mut there = MemSlice::<u32, _>::zeroed(1000, &memory)?;
///     let mut back = MemSlice::<u32, _>::zeroed(1000, &pinned)?;
///     device.scope(|scope| {
///         let mut there = scope.lend(there.view_mut());
///         scope.assign(&mut there, &scope.show(numbers.view()))?;
///         scope.assign(&mut scope.lend(back.view_mut()), &there)
///         // The processor can do something else here.
///     })??;
///     assert_eq!(back.as_slice()[999], 7);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What a stream has, nobody else uses:
///
/// ```compile_fail,E0502
/// use anymem::memory::{HostMemory, MemRead, MemSlice, MemWrite};
/// use anymem_gpu::{Device, GpuError};
///
/// fn read_too_early(device: &Device, numbers: &mut MemSlice<u32, HostMemory>) -> Result<(), GpuError> {
///     device.scope(|scope| {
///         let lent = scope.lend(numbers.view_mut());
///         println!("{}", numbers.as_slice()[0]);
///         drop(lent);
///     })
/// }
/// ```
impl<'scope> Scope<'scope, '_> {
    /// Lets the stream write elements until the scope ends.
    pub fn lend<T: Pod, M: Memory>(
        &'scope self,
        elements: MemMut<'scope, T, M>,
    ) -> Lent<'scope, T, M> {
        Lent { elements, brand: PhantomData }
    }

    /// Lets the stream read elements until the scope ends.
    pub fn show<T: Pod, M: Memory>(
        &'scope self,
        elements: MemRef<'scope, T, M>,
    ) -> Shown<'scope, T, M> {
        Shown { elements, brand: PhantomData }
    }

    /// Asks the stream to copy elements, as many as there are; says which way they go.
    ///
    /// One side is of the stream's device. Bytes of the processor's memory come and go by
    /// themselves if it is pinned, managed or registered; any other may be copied twice, and the
    /// call may wait for that.
    ///
    /// # Errors
    ///
    /// - [`OutOfRange`](GpuError::OutOfRange) if there are more or fewer.
    /// - [`WrongAddress`](GpuError::WrongAddress) if a side is neither the processor's memory
    ///   nor that of the stream's device, or the source not of another one of its driver.
    /// - [`Unsupported`](GpuError::Unsupported) if both are the processor's memory.
    /// - What the driver says. Nothing is copied then.
    pub fn assign<T: Pod, M: Memory>(
        &'scope self,
        to: &mut Lent<'scope, T, M>,
        from: &impl InScope<'scope, Item = T>,
    ) -> Result<Route, GpuError> {
        let (source, target) = (from.elements(), to.elements.as_ref());
        if source.len() != target.len() {
            return Err(GpuError::OutOfRange { asked: target.len(), found: source.len() });
        }
        let (len, own) = (target.place().len, self.device().number());
        let sides = (self.whose(target)?, self.whose(source)?);
        // SAFETY: both sides are borrowed until the scope ends and the stream is done; they are
        // two, for one is borrowed to be written.
        let (asked, route) = unsafe {
            match sides {
                (Whose::Device(number, to), Whose::Host(from)) if number == own => {
                    let from = from.as_ptr().expose_provenance() as u64;
                    (self.copy(to.number(), from, len, Direction::ToDevice), Route::To)
                }
                (Whose::Host(to), Whose::Device(number, from)) if number == own => {
                    let to = to.as_ptr().expose_provenance() as u64;
                    (self.copy(to, from.number(), len, Direction::ToHost), Route::From)
                }
                (Whose::Device(number, to), Whose::Device(other, from)) if number == own => {
                    (self.bring(to, other, from, len), Route::Peer)
                }
                (Whose::Host(_), Whose::Host(_)) => {
                    let what = "copies within the processor's memory";
                    return Err(GpuError::Unsupported { device: own, what });
                }
                (Whose::Device(_, at), _) | (_, Whose::Device(_, at)) => {
                    return Err(GpuError::WrongAddress { device: own, address: at.number() });
                }
            }
        };
        asked.map(|()| route)
    }

    /// Asks the stream to set all bytes of elements of its device to zero.
    ///
    /// # Errors
    ///
    /// [`WrongAddress`](GpuError::WrongAddress) if they are not in that device's memory, and
    /// what the driver says. Nothing is set then.
    pub fn zero<T: Pod>(
        &'scope self,
        to: &mut Lent<'scope, T, impl Memory>,
    ) -> Result<(), GpuError> {
        let (view, device) = (to.elements.as_ref(), self.device().number());
        let at = match self.whose(view)? {
            Whose::Device(number, at) if number == device => at.number(),
            Whose::Device(_, at) => {
                return Err(GpuError::WrongAddress { device, address: at.number() });
            }
            Whose::Host(at) => at.as_ptr().expose_provenance() as u64,
        };
        // SAFETY: lent until the scope ends; what the device does not reach, its driver refuses.
        unsafe { self.fill(at, 0, view.place().len) }
    }

    /// Copies between devices of one driver, or within the stream's own.
    ///
    /// # Safety
    ///
    /// As [`copy`](Self::copy).
    unsafe fn bring(
        &self,
        to: DeviceAddress,
        from_device: u32,
        from: DeviceAddress,
        len: usize,
    ) -> Result<(), GpuError> {
        if from_device == self.device().number() {
            // SAFETY: passed on from the caller.
            return unsafe { self.copy(to.number(), from.number(), len, Direction::Within) };
        }
        let other = crate::Device::with_driver(self.device().driver().clone(), from_device)?;
        // SAFETY: passed on from the caller.
        unsafe { self.copy_peer(to.number(), &other, from.number(), len) }
    }

    fn whose<T: Pod, M: Memory>(&self, elements: MemRef<'_, T, M>) -> Result<Whose, GpuError> {
        let place = elements.place();
        Whose::of(place, id_of(self.device())).ok_or_else(|| GpuError::WrongAddress {
            device: self.device().number(),
            address: match place.address {
                anymem_core::memory::RawAddress::Foreign(number) => number,
                anymem_core::memory::RawAddress::Host(host) => host.as_ptr().addr() as u64,
            },
        })
    }
}

impl<T: Pod, M: Memory> fmt::Debug for Lent<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lent({:?})", self.elements)
    }
}

impl<T: Pod, M: Memory> fmt::Debug for Shown<'_, T, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shown({:?})", self.elements)
    }
}
