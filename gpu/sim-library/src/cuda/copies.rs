//! Copies and fills.

use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

use anymem_gpu_sim::{Device, Owner, Side, Stream};

use super::answer::{Answer, Code};
use super::{ask, ask_on, context, expect, initialized};

/// What a copy is asked for: where to, where from, and how much.
#[derive(Clone, Copy)]
struct Copy {
    to: Place,
    from: Place,
    bytes: usize,
}

/// A side of a copy, as CUDA's functions name it.
#[derive(Clone, Copy)]
enum Place {
    /// The processor's memory.
    Host(*mut c_void),
    /// A device's memory, of whichever.
    Device(u64),
    /// Whatever is at the address.
    Any(u64),
}

impl Copy {
    /// # Safety
    ///
    /// As [`Device::copy`].
    unsafe fn go(self, device: Device<'static>, stream: Option<Stream>) -> Answer<()> {
        if self.bytes == 0 {
            return Ok(());
        }
        let (to, from) = (self.to.side(device)?, self.from.side(device)?);
        // SAFETY: the caller's.
        Ok(unsafe { device.copy(stream, to, from, self.bytes) }?)
    }

    /// At once.
    ///
    /// # Safety
    ///
    /// As [`Device::copy`].
    unsafe fn now(self) -> c_int {
        // SAFETY: the caller's.
        ask(|device| unsafe { self.go(device, None) })
    }

    /// In the order of a stream.
    ///
    /// # Safety
    ///
    /// As [`Device::copy`].
    unsafe fn on(self, stream: u64) -> c_int {
        // SAFETY: the caller's.
        ask_on(stream, |device, stream| unsafe { self.go(device, Some(stream)) })
    }
}

impl Place {
    /// Which side that is for a device.
    fn side(self, device: Device<'static>) -> Answer<Side> {
        let machine = initialized()?;
        let (address, owner) = match self {
            Self::Host(address) => (address as u64, None),
            Self::Device(address) | Self::Any(address) => {
                (address, machine.about(address).map(|it| it.owner))
            }
        };
        Ok(match (self, owner) {
            (_, Some(Owner::Device(number))) if number != device.number() => {
                Side::Peer(number, address)
            }
            (Self::Device(_), _) | (Self::Any(_), Some(Owner::Device(_) | Owner::Managed)) => {
                Side::Device(address)
            }
            (Self::Host(_) | Self::Any(_), _) => {
                let is_device = |owner| matches!(owner, Owner::Device(_));
                expect(!machine.about(address).is_some_and(|it| is_device(it.owner)))?;
                let address = ptr::with_exposed_provenance_mut(address as usize);
                Side::Host(NonNull::new(address).ok_or(Code::INVALID_VALUE)?)
            }
        })
    }
}

/// CUDA's copies: at once, and in the order of a stream.
macro_rules! copies {
    ($($now:ident, $on:ident: $to:ident($to_type:ty) from $from:ident($from_type:ty);)*) => {$(
        /// # Safety
        ///
        /// As [`Device::copy`].
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $now(to: $to_type, from: $from_type, bytes: usize) -> c_int {
            // SAFETY: the caller's.
            unsafe { Copy { to: Place::$to(to), from: Place::$from(from), bytes }.now() }
        }

        /// # Safety
        ///
        /// As [`Device::copy`].
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $on(
            to: $to_type,
            from: $from_type,
            bytes: usize,
            stream: u64,
        ) -> c_int {
            // SAFETY: the caller's.
            unsafe { Copy { to: Place::$to(to), from: Place::$from(from), bytes }.on(stream) }
        }
    )*};
}

copies! {
    cuMemcpyHtoD_v2, cuMemcpyHtoDAsync_v2: Device(u64) from Host(*mut c_void);
    cuMemcpyDtoH_v2, cuMemcpyDtoHAsync_v2: Host(*mut c_void) from Device(u64);
    cuMemcpyDtoD_v2, cuMemcpyDtoDAsync_v2: Device(u64) from Device(u64);
    cuMemcpy, cuMemcpyAsync: Any(u64) from Any(u64);
}

/// # Safety
///
/// As [`Device::copy`].
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemcpyPeer(
    to: u64,
    to_context: u64,
    from: u64,
    from_context: u64,
    bytes: usize,
) -> c_int {
    ask(|_| {
        let device = context::of(to_context)?;
        context::of(from_context)?;
        // SAFETY: the caller's.
        unsafe { Copy { to: Place::Device(to), from: Place::Device(from), bytes }.go(device, None) }
    })
}

/// # Safety
///
/// As [`Device::copy`].
#[unsafe(no_mangle)]
unsafe extern "C" fn cuMemcpyPeerAsync(
    to: u64,
    to_context: u64,
    from: u64,
    from_context: u64,
    bytes: usize,
    stream: u64,
) -> c_int {
    ask_on(stream, |device, stream| {
        context::of(to_context)?;
        context::of(from_context)?;
        let copy = Copy { to: Place::Device(to), from: Place::Device(from), bytes };
        // SAFETY: the caller's.
        unsafe { copy.go(device, Some(stream)) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8_v2(at: u64, byte: u8, bytes: usize) -> c_int {
    ask(|device| Ok(device.fill(None, at, byte, bytes)?))
}

#[unsafe(no_mangle)]
extern "C" fn cuMemsetD8Async(at: u64, byte: u8, bytes: usize, stream: u64) -> c_int {
    ask_on(stream, |device, stream| Ok(device.fill(Some(stream), at, byte, bytes)?))
}
