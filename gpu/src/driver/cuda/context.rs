//! The context that calls work in.
//!
//! All calls of a process use the primary context of a device, which cudarc and the runtime
//! library use too. It is retained when the device is first used, and never given back: at exit
//! the driver may be gone already. CUDA has a current context for each thread. A call makes the
//! device's current, and puts another that was there back when it ends; where there was none,
//! it leaves its own.

use std::ffi::c_int;
use std::sync::OnceLock;

use super::api::Api;
use super::errors::{OUT_OF_MEMORY, on_device};
use crate::GpuError;
use crate::driver::process::Process;
use crate::driver::table::Refusal;

/// A device of the driver.
#[derive(Debug)]
struct Card {
    /// The driver's word for it.
    device: c_int,
    /// Its primary context, once somebody needed it.
    context: OnceLock<u64>,
}

/// CUDA, loaded.
#[derive(Debug)]
pub(super) struct Cuda {
    pub(super) api: Api,
    pub(super) version: u32,
    process: Process,
    cards: Vec<Card>,
}

/// A device whose context is this thread's, until this is dropped.
#[derive(Debug)]
pub(super) struct Current<'a> {
    pub(super) cuda: &'a Cuda,
    pub(super) number: u32,
    /// The driver's word for it.
    pub(super) device: c_int,
    pub(super) context: u64,
    /// What was current before, if that was another.
    before: Option<u64>,
}

impl Cuda {
    pub(super) fn new(api: Api, version: u32, devices: Vec<c_int>) -> Self {
        let cards = devices.into_iter().map(|device| Card { device, context: OnceLock::new() });
        Self { api, version, process: Process::this(), cards: cards.collect() }
    }

    /// Whether this is the process that loaded it.
    pub(super) fn check(&self) -> Result<(), GpuError> {
        self.process.check()
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.cards.len()).unwrap_or(u32::MAX)
    }

    fn card(&self, number: u32) -> Result<&Card, GpuError> {
        self.check()?;
        let wrong = GpuError::WrongDevice { asked: number, found: self.count() };
        self.cards.get(number as usize).ok_or(wrong)
    }

    /// The device's context.
    pub(super) fn context(&self, number: u32) -> Result<u64, GpuError> {
        let card = self.card(number)?;
        if let Some(context) = card.context.get() {
            return Ok(*context);
        }
        let mut context = 0;
        self.api
            .context_retain(&mut context, card.device)
            .map_err(|refusal| on_device(number, refusal))?;
        // Two threads that are here at once have retained the same one twice, which does no harm.
        Ok(*card.context.get_or_init(|| context))
    }

    /// A device that was used before.
    pub(super) fn any_entered(&self) -> Result<Option<u32>, GpuError> {
        self.check()?;
        let used = self.cards.iter().position(|card| card.context.get().is_some());
        Ok(used.map(|number| number as u32))
    }

    /// Makes the device's context current.
    pub(super) fn enter(&self, number: u32) -> Result<Current<'_>, GpuError> {
        let (device, context) = (self.card(number)?.device, self.context(number)?);
        let mut current = 0;
        let error = |refusal| on_device(number, refusal);
        self.api.context_current(&mut current).map_err(error)?;
        if current != context {
            // SAFETY: it is a context that was retained.
            unsafe { self.api.context_set(context) }.map_err(error)?;
        }
        let before = (current != 0 && current != context).then_some(current);
        Ok(Current { cuda: self, number, device, context, before })
    }
}

impl Current<'_> {
    /// Calls a function.
    pub(super) fn ask(
        &self,
        call: impl FnOnce(&Api) -> Result<(), Refusal>,
    ) -> Result<(), GpuError> {
        self.ask_for(0, call)
    }

    /// Calls a function that takes `bytes` of the device's memory.
    pub(super) fn ask_for(
        &self,
        bytes: usize,
        call: impl FnOnce(&Api) -> Result<(), Refusal>,
    ) -> Result<(), GpuError> {
        call(&self.cuda.api).map_err(|refusal| match refusal.code() {
            Some(OUT_OF_MEMORY) => self.out_of_memory(bytes),
            _ => on_device(self.number, refusal),
        })
    }

    fn out_of_memory(&self, asked: usize) -> GpuError {
        let (free, total) = self.free_and_total().unwrap_or((0, 0));
        GpuError::OutOfMemory { asked, free, total, held: 0 }
    }

    /// Bytes that are free, and all.
    pub(super) fn free_and_total(&self) -> Result<(usize, usize), GpuError> {
        let (mut free, mut total) = (0, 0);
        let info = self.cuda.api.memory_info(&mut free, &mut total);
        info.map_err(|refusal| on_device(self.number, refusal))?;
        Ok((free, total))
    }

    /// Waits for all streams of the context.
    pub(super) fn synchronize(&self) -> Result<(), GpuError> {
        self.ask(Api::context_synchronize)
    }
}

impl Drop for Current<'_> {
    fn drop(&mut self) {
        if let Some(before) = self.before {
            // SAFETY: it was current a moment ago. If its owner has destroyed it since, the
            // driver says so.
            let _ = unsafe { self.cuda.api.context_set(before) };
        }
    }
}
