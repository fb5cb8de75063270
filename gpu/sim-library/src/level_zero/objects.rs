//! What handles stand for, and how structures begin.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::NonNull;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use anymem_gpu_sim::{Device, Event, Stream};

use super::{Code, INVALID_NULL_HANDLE, UNINITIALIZED, expect};
use crate::machine::machine;

/// How every structure begins.
#[repr(C)]
pub(super) struct Head {
    pub(super) number: u32,
    pub(super) next: *const c_void,
}

impl Head {
    /// Refuses another structure.
    pub(super) fn is(&self, number: u32) -> Result<(), Code> {
        expect(self.number == number)
    }
}

/// A structure that is chained to another, if it is that one.
///
/// # Safety
///
/// What follows the head is a structure of that number.
pub(super) unsafe fn chained<'a, T>(head: &Head, number: u32) -> Option<&'a T> {
    // SAFETY: every structure begins with a head.
    let next = unsafe { head.next.cast::<Head>().as_ref() }?;
    // SAFETY: the caller's.
    (next.number == number).then(|| unsafe { &*head.next.cast::<T>() })
}

/// What a block of memory is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Block {
    /// Of a device, or managed.
    Device(u32),
    Pinned(NonNull<u8>),
    /// Pages of the processor's, by the address they were registered by.
    Registered(NonNull<u8>),
}

// SAFETY: the addresses are numbers here; nobody follows them.
unsafe impl Send for Block {}

/// An immediate command list.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    pub(super) device: u32,
    pub(super) stream: Stream,
    /// Whether a command was appended, and no barrier since.
    pub(super) open: bool,
}

/// An event of a pool: it happens once until it is reset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    pub(super) device: u32,
    pub(super) event: Event,
    pub(super) signalled: bool,
}

/// All that handles stand for.
#[derive(Debug, Default)]
pub(super) struct Objects {
    pub(super) blocks: HashMap<u64, Block>,
    pub(super) lists: HashMap<u64, List>,
    pub(super) pools: HashMap<u64, u32>,
    pub(super) events: HashMap<u64, Signal>,
    /// What happens when a stream has waited for an event.
    pub(super) waits: HashMap<u64, Vec<Event>>,
    /// The devices of modules and kernels.
    pub(super) code: HashMap<u64, u32>,
    handles: u64,
}

impl Objects {
    /// A handle that nothing has yet.
    pub(super) fn handle(&mut self) -> u64 {
        self.handles += 1;
        0x1_0000 + self.handles
    }
}

pub(super) fn objects() -> MutexGuard<'static, Objects> {
    static OBJECTS: LazyLock<Mutex<Objects>> = LazyLock::new(Mutex::default);
    OBJECTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A device by its number.
pub(super) fn device(number: u32) -> Result<Device<'static>, Code> {
    let machine = machine().ok_or(UNINITIALIZED)?;
    machine.device(number).map_err(|_| INVALID_NULL_HANDLE)
}
