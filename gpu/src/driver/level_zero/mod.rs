//! Intel's oneAPI Level Zero.
//!
//! A table of the functions that are used, filled when the loader's library is; so a program
//! runs as well where there is none. Blocks are Level Zero's own, as numbers.
//!
//! What CUDA and HIP have and Level Zero has not is made of what it has:
//!
//! - A stream is an immediate command list with a barrier after each command (`lists`).
//! - An event can be recorded again while streams still wait for it (`events`).
//! - Giving a block back waits for the device (`memory`).
//! - Registered memory is a host allocation of pages that are there already, which takes the
//!   extension `ZE_extension_external_memmap_sysmem` (`memory`).
//! - It has no allocation in the order of a stream, and none is made up: blocks whose stream is
//!   done with them go back by themselves in a [`DevicePool`](crate::pool::DevicePool).
//! - A handle for other processes names this one, for it carries a descriptor (`ipc`).
//!
//! Devices are the GPUs of all drivers, one after the other; each driver has one context.

mod about;
mod attributes;
mod card;
mod copies;
mod driver;
mod errors;
mod events;
mod ipc;
mod kernels;
mod lists;
mod memory;
mod structures;
mod table;
mod virtual_memory;

use std::path::Path;

use libloading::Library;

use self::card::{Card, cards};
use self::errors::{INVALID_ARGUMENT, NEEDED, UNINITIALIZED, error};
use self::table::{Word, Ze};
use super::library::Names;
use super::process::Process;
use super::table::Refusal;
use super::{DriverKind, Function};
use crate::GpuError;

/// Where Level Zero is looked for.
const NAMES: Names = Names {
    driver: DriverKind::LevelZero,
    files: &["libze_loader.so.1"],
    words: "libze_loader.so.1",
    variable: "ANYMEM_LEVEL_ZERO_LIBRARY",
};

/// `ZE_INIT_FLAG_GPU_ONLY`.
const GPU_ONLY: u32 = 1;

/// Intel's driver, loaded.
#[derive(Debug)]
pub struct LevelZeroDriver {
    table: Ze,
    process: Process,
    version: u32,
    cards: Vec<Card>,
}

/// A device of it.
#[derive(Debug, Clone, Copy)]
struct At<'a> {
    table: &'a Ze,
    card: &'a Card,
    number: u32,
}

impl LevelZeroDriver {
    /// Loads the driver: by `libze_loader.so.1`, or what the environment variable
    /// `ANYMEM_LEVEL_ZERO_LIBRARY` names.
    ///
    /// # Errors
    ///
    /// [`NoDriver`](GpuError::NoDriver) if there is no such library,
    /// [`SymbolMissing`](GpuError::SymbolMissing) if it is another one,
    /// [`DriverTooOld`](GpuError::DriverTooOld), and [`NoDevice`](GpuError::NoDevice), which is
    /// also what the loader says if it finds no driver.
    pub fn load() -> Result<Self, GpuError> {
        Self::of(NAMES.load()?)
    }

    /// Loads the driver by a loader's file.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_from(file: &Path) -> Result<Self, GpuError> {
        Self::of(NAMES.load_from(file)?)
    }

    fn of(library: &'static Library) -> Result<Self, GpuError> {
        let table = Ze::load(library)?;
        let said = |refusal| error(refusal, 0);
        table.init(GPU_ONLY).map_err(said)?;
        let (version, cards) = cards(&table).map_err(said)?;
        let driver = DriverKind::LevelZero;
        if cards.is_empty() {
            return Err(GpuError::NoDevice { driver });
        }
        if version < NEEDED {
            return Err(GpuError::DriverTooOld { driver, found: version, needed: NEEDED });
        }
        Ok(Self { table, process: Process::this(), version, cards })
    }

    fn at(&self, device: u32) -> Result<At<'_>, GpuError> {
        self.process.check()?;
        let wrong = GpuError::WrongDevice { asked: device, found: self.count() };
        let card = self.cards.get(device as usize).ok_or(wrong)?;
        Ok(At { table: &self.table, card, number: device })
    }

    fn count(&self) -> u32 {
        self.cards.len() as u32
    }
}

impl At<'_> {
    /// What a function's answer means.
    fn said<T>(self, answer: Result<T, Refusal>) -> Result<T, GpuError> {
        answer.map_err(|refusal| error(refusal, self.number))
    }

    /// The same, of a function that gives something back. When the process ends, the driver may
    /// have gone before, and all that it had with it.
    fn given_back(self, answer: Result<(), Refusal>) -> Result<(), GpuError> {
        match answer {
            Err(refusal) if refusal.code() == Some(UNINITIALIZED) => Ok(()),
            answer => self.said(answer),
        }
    }
}

/// What a function made.
fn some(function: Function, made: Word) -> Result<u64, GpuError> {
    if made == 0 { Err(nothing(function)) } else { Ok(made as u64) }
}

/// A function said that all went well, and made nothing.
fn nothing(function: Function) -> GpuError {
    GpuError::Driver { function, code: INVALID_ARGUMENT }
}
