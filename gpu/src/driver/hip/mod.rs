//! AMD's ROCm, by HIP.
//!
//! A table of the functions that are used, filled when the driver is loaded; so a program runs
//! as well where there is none. Blocks, streams and events are HIP's own, as numbers.
//!
//! HIP's current device is a matter of each thread: every call sets it first, and puts another
//! that was there back when it ends. What is asked for without a stream goes by the default
//! stream, which is then waited for, since HIP's own synchronous calls return early for some
//! kinds of memory.

mod about;
mod attributes;
mod code;
mod driver;
mod errors;
mod ipc;
mod memory;
mod streams;
mod table;
mod virtual_memory;

use std::ffi::c_int;
use std::path::Path;

use libloading::Library;

use self::errors::{DEINITIALIZED, INVALID_DEVICE, INVALID_VALUE, NEEDED, NO_DEVICE, error};
use self::table::{Hip, Word};
use super::library::Names;
use super::process::Process;
use super::table::Refusal;
use super::{DriverKind, Function};
use crate::GpuError;

/// Where HIP is looked for.
const NAMES: Names = Names {
    driver: DriverKind::Hip,
    files: &[
        "libamdhip64.so.7",
        "libamdhip64.so.6",
        "libamdhip64.so.5",
        "/opt/rocm/lib/libamdhip64.so",
    ],
    words: "libamdhip64.so.7, 6 or 5",
    variable: "ANYMEM_HIP_LIBRARY",
};

/// `HIP_VERSION` of ROCm 6.0: major × 10,000,000 + minor × 100,000 + patch.
const VERSION_6: u32 = 60_000_000;
const VERSION_7_1: u32 = 70_100_000;

/// AMD's driver, loaded.
#[derive(Debug)]
pub struct HipDriver {
    table: Hip,
    process: Process,
    version: u32,
    devices: u32,
}

impl HipDriver {
    /// Loads the driver: `libamdhip64.so` of ROCm 5.2 to 7, or what the environment variable
    /// `ANYMEM_HIP_LIBRARY` names.
    ///
    /// # Errors
    ///
    /// [`NoDriver`](GpuError::NoDriver) if there is no such library,
    /// [`SymbolMissing`](GpuError::SymbolMissing) if it is another one,
    /// [`DriverTooOld`](GpuError::DriverTooOld), and [`NoDevice`](GpuError::NoDevice).
    pub fn load() -> Result<Self, GpuError> {
        Self::of(NAMES.load()?)
    }

    /// Loads the driver from a file.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_from(file: &Path) -> Result<Self, GpuError> {
        Self::of(NAMES.load_from(file)?)
    }

    fn of(library: &'static Library) -> Result<Self, GpuError> {
        let table = Hip::load(library)?;
        let version = version(&table)?;
        if version < NEEDED {
            let driver = DriverKind::Hip;
            return Err(GpuError::DriverTooOld { driver, found: version, needed: NEEDED });
        }
        let devices = start(&table)?;
        Ok(Self { table, process: Process::this(), version, devices })
    }

    /// That the driver may be asked for the device.
    fn check(&self, device: u32) -> Result<(), GpuError> {
        self.process.check()?;
        if device < self.devices {
            Ok(())
        } else {
            Err(GpuError::WrongDevice { asked: device, found: self.devices })
        }
    }

    /// Makes a device the calling thread's.
    fn enter(&self, device: u32) -> Result<Current<'_>, GpuError> {
        self.check(device)?;
        self.on(device, self.make_current(device))
    }

    fn make_current(&self, device: u32) -> Result<Current<'_>, Refusal> {
        let (asked, mut before) = (device as c_int, 0);
        self.table.device(&mut before)?;
        if before != asked {
            self.table.set_device(asked)?;
        }
        Ok(Current { hip: self, device, before: (before != asked).then_some(before) })
    }

    /// Gives something of a device back. When the process ends, the driver may have gone before,
    /// and all that it had with it.
    fn give_back(
        &self,
        device: u32,
        give: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<(), GpuError> {
        self.check(device)?;
        let given = self.make_current(device).and_then(|_current| give());
        match given {
            Err(refusal) if refusal.code() == Some(DEINITIALIZED) => Ok(()),
            answer => self.on(device, answer),
        }
    }

    /// What a function's answer means.
    fn on<T>(&self, device: u32, answer: Result<T, Refusal>) -> Result<T, GpuError> {
        answer.map_err(|refusal| error(refusal, device))
    }
}

/// A device that is this thread's until this is dropped; then it is the one before again.
#[derive(Debug)]
struct Current<'a> {
    hip: &'a HipDriver,
    device: u32,
    /// What was current before, if that was another.
    before: Option<c_int>,
}

impl Current<'_> {
    /// What a function's answer means.
    fn said<T>(&self, answer: Result<T, Refusal>) -> Result<T, GpuError> {
        self.hip.on(self.device, answer)
    }

    /// The same, of a function that allocates.
    fn allocated(&self, asked: usize, answer: Result<(), Refusal>) -> Result<(), GpuError> {
        self.said(answer).map_err(|error| match error {
            GpuError::OutOfMemory { .. } => {
                // What it does not tell stays 0.
                let (free, total) = self.free_and_total().unwrap_or_default();
                GpuError::OutOfMemory { asked, free, total, held: 0 }
            }
            other => other,
        })
    }
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // It was current a moment ago.
            let _ = self.hip.table.set_device(before);
        }
    }
}

/// What a function made: HIP answers some empty wishes with success, and nothing.
fn some(function: Function, made: Word) -> Result<u64, GpuError> {
    if made == 0 { Err(nothing(function)) } else { Ok(made as u64) }
}

/// A function said that all went well, and made nothing.
fn nothing(function: Function) -> GpuError {
    GpuError::Driver { function, code: INVALID_VALUE }
}

fn version(table: &Hip) -> Result<u32, GpuError> {
    let mut version = 0;
    table.version(&mut version).map_err(|refusal| error(refusal, 0))?;
    Ok(u32::try_from(version).unwrap_or(0))
}

/// Starts the driver; how many devices it has.
fn start(table: &Hip) -> Result<u32, GpuError> {
    let mut count = 0;
    let started = table.init(0).and_then(|()| table.count(&mut count));
    let count = u32::try_from(count).unwrap_or(0);
    match started.map_err(|refusal| (refusal.code(), refusal)) {
        Ok(()) if count > 0 => Ok(count),
        Ok(()) | Err((Some(NO_DEVICE | INVALID_DEVICE), _)) => {
            Err(GpuError::NoDevice { driver: DriverKind::Hip })
        }
        Err((_, refusal)) => Err(error(refusal, 0)),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Write, stderr};
    use std::ptr::NonNull;

    use super::super::{Direction, Driver, StreamId};
    use super::*;

    /// The driver as if it had a device, which its library finds none of.
    fn deviceless() -> Option<HipDriver> {
        let table = Hip::load(NAMES.load().ok()?).ok()?;
        let version = version(&table).ok()?;
        (start(&table) == Err(GpuError::NoDevice { driver: DriverKind::Hip })).then(|| HipDriver {
            table,
            process: Process::this(),
            version,
            devices: 1,
        })
    }

    #[test]
    fn nothing_that_the_library_does_not_give_is_used() {
        let Some(hip) = deviceless() else {
            let _ = stderr().write_all(b"skipped: the library is not here, or has a device\n");
            return;
        };
        let mut bytes = [0_u8; 64];
        let host = NonNull::from(&mut bytes).cast();
        let (mut block, mut pinned) = (0, std::ptr::null_mut());
        assert!(hip.table.malloc(&mut block, 64).is_err() && block == 0);
        assert!(hip.table.malloc_managed(&mut block, 64, 1).is_err() && block == 0);
        assert!(hip.table.malloc_host(&mut pinned, 64, 0).is_err() && pinned.is_null());
        let answers = [
            hip.attributes(0).map(drop),
            hip.free_and_total(0).map(drop),
            hip.allocate(0, 64).map(drop),
            hip.allocate_on(0, StreamId::default(), 64).map(drop),
            hip.allocate_managed(0, 64).map(drop),
            hip.allocate_pinned(0, 64).map(drop),
            hip.create_stream(0).map(drop),
            hip.create_event(0).map(drop),
            hip.synchronize_device(0),
            hip.reserve(0, 64).map(drop),
            hip.create_physical(0, 64).map(drop),
            hip.base_of(0, 64).map(drop),
            hip.export(0, 64).map(drop),
            hip.load(0, b"no code").map(drop),
            // SAFETY: the library refuses it.
            unsafe { hip.register(0, host, 64, false) }.map(drop),
            // SAFETY: as above.
            unsafe { hip.copy(0, None, 64, 128, 1, Direction::Within) },
        ];
        for (number, answer) in answers.into_iter().enumerate() {
            assert!(answer.is_err(), "call {number}");
        }
        let wrong = GpuError::WrongDevice { asked: 1, found: 1 };
        assert_eq!(hip.allocate(1, 64), Err(wrong));
    }
}
