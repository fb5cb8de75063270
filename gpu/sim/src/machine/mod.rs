//! A machine with devices, and what every call of it begins with.

mod about;
mod copy;
mod event;
mod ipc;
mod kernel;
mod memory;
mod ordered;
mod perform;
mod register;
mod stream;
mod virtual_memory;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
};

pub use self::about::{About, Owner};
pub use self::copy::Side;
pub use self::event::Event;
pub use self::ipc::IpcHandle;
pub use self::kernel::{Function, Module};
pub use self::stream::Stream;
pub use self::virtual_memory::Pages;
use crate::arena::Arena;
use crate::call::Calls;
use crate::mapping::whole_pages;
use crate::meter::Meter;
use crate::physical::Physical;
use crate::space::Space;
use crate::turns::Turns;
use crate::{Call, Options, SimError, Trap};

/// What one device has.
#[derive(Debug)]
struct Hardware {
    meter: Arc<Meter>,
    arena: Mutex<Arena>,
    /// Why it is lost, if it is.
    lost: OnceLock<Trap>,
}

/// A machine with devices.
///
/// Everything that devices can do is asked for by way of [`device`](Self::device); here is
/// what only tests can do.
#[derive(Debug)]
pub struct Machine {
    options: Options,
    /// The process that has it.
    process: u32,
    calls: Calls,
    hardware: Vec<Hardware>,
    space: RwLock<Space>,
    turns: Arc<Turns>,
    events: Mutex<HashMap<u64, event::State>>,
    pages: Mutex<HashMap<u64, Arc<Physical>>>,
    modules: Mutex<kernel::Modules>,
    /// Events, pages and modules have numbers that are never used twice.
    numbers: AtomicU64,
    itself: Weak<Self>,
}

/// A device of a machine: what drivers ask of it.
///
/// All calls fail with [`SimError::Forked`] in a child of the process that made the machine,
/// with [`SimError::Lost`] once a command did what a device does not survive, and with
/// whatever a test wants by [`Machine::fail`].
///
/// ```
/// use std::ptr::NonNull;
///
/// use anymem_gpu_sim::{Machine, Options, Side};
///
/// let machine = Machine::new(Options::default())?;
/// let device = machine.device(0)?;
/// let block = device.allocate(5)?;
/// let (mut there, mut back) = (*b"hello", [0_u8; 5]);
/// let host = |it: &mut [u8; 5]| Side::Host(NonNull::from(it).cast());
/// // SAFETY: the arrays are there until the copies are done, which they are on return.
/// unsafe {
///     device.copy(None, Side::Device(block), host(&mut there), 5)?;
///     device.copy(None, host(&mut back), Side::Device(block), 5)?;
/// }
/// assert_eq!(&back, b"hello");
/// device.free(block)?;
/// # Ok::<(), anymem_gpu_sim::SimError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    machine: &'a Machine,
    number: u32,
}

impl Machine {
    /// A machine.
    ///
    /// # Errors
    ///
    /// [`SimError::Invalid`] if a size is none that it can have, and [`SimError::System`] if
    /// there are not enough addresses for it.
    pub fn new(options: Options) -> Result<Arc<Self>, SimError> {
        let whole = whole_pages(options.granularity) == Some(options.granularity);
        if !options.granularity.is_power_of_two() || !whole {
            return Err(SimError::Invalid { what: "granularity" });
        }
        let hardware = (0..options.devices)
            .map(|_| Hardware::new(options.memory))
            .collect::<Result<_, _>>()?;
        let machine = Arc::new_cyclic(|itself| Self {
            process: std::process::id(),
            calls: Calls::new(),
            hardware,
            space: RwLock::default(),
            turns: Arc::new(Turns::new(options.devices)),
            events: Mutex::default(),
            pages: Mutex::default(),
            modules: Mutex::default(),
            numbers: AtomicU64::new(1),
            itself: itself.clone(),
            options,
        });
        machine.start_default_streams()?;
        Ok(machine)
    }

    /// How many devices it has.
    pub fn devices(&self) -> u32 {
        self.options.devices
    }

    /// What it was made of.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether this is the process that made it, and no child of that.
    pub fn is_here(&self) -> bool {
        std::process::id() == self.process
    }

    /// A device of it.
    ///
    /// # Errors
    ///
    /// [`SimError::NoSuchDevice`].
    pub fn device(&self, number: u32) -> Result<Device<'_>, SimError> {
        if number < self.devices() {
            Ok(Device { machine: self, number })
        } else {
            Err(SimError::NoSuchDevice { asked: number, found: self.devices() })
        }
    }

    /// How many calls of a kind were made, with success or not.
    pub fn calls(&self, call: Call) -> u64 {
        self.calls.count(call)
    }

    /// How many calls were made of all kinds.
    pub fn all_calls(&self) -> u64 {
        self.calls.total()
    }

    /// Lets calls fail: `after` more of the kind go well, and then `times` of them do nothing
    /// but fail with `error`.
    pub fn fail(&self, call: Call, after: u64, times: u64, error: SimError) {
        self.calls.fail(call, after, times, error);
    }

    /// Takes back whatever [`fail`](Self::fail) would do from now on.
    pub fn clear_faults(&self) {
        self.calls.clear_faults();
    }

    /// Loses a device, as a command that a device does not survive would. What its streams
    /// have not done, they never do.
    pub fn lose(&self, device: u32, cause: Trap) {
        if let Some(hardware) = self.hardware.get(device as usize) {
            // Only what comes first is the cause.
            let _ = hardware.lost.set(cause);
        }
    }

    fn space(&self) -> RwLockReadGuard<'_, Space> {
        self.space.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn space_mut(&self) -> RwLockWriteGuard<'_, Space> {
        self.space.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.turns.lock().clear();
        self.turns.tell();
    }
}

impl Hardware {
    fn new(memory: usize) -> Result<Self, SimError> {
        let arena = Mutex::new(Arena::new(memory)?);
        Ok(Self { meter: Meter::new(memory), arena, lost: OnceLock::new() })
    }

    fn arena(&self) -> MutexGuard<'_, Arena> {
        lock(&self.arena)
    }
}

impl<'a> Device<'a> {
    /// Its number.
    pub fn number(self) -> u32 {
        self.number
    }

    /// What every call begins with.
    fn enter(self, call: Call) -> Result<(), SimError> {
        if !self.machine.is_here() {
            return Err(SimError::Forked);
        }
        self.machine.calls.enter(call)?;
        self.is_alive()
    }

    /// Whether it is not lost.
    fn is_alive(self) -> Result<(), SimError> {
        match self.hardware().lost.get() {
            Some(&cause) => Err(SimError::Lost { device: self.number, cause }),
            None => Ok(()),
        }
    }

    fn hardware(self) -> &'a Hardware {
        &self.machine.hardware[self.number as usize]
    }
}

/// Locks what no panic leaves half done: all of it is changed in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
