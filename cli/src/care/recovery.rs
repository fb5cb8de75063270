//! `anymem recover`.

use std::process::ExitCode;

use anymem::{HeapOptions, SharedHeap};

use super::slots::{Life, Slot, slots};
use crate::error::CliError;
use crate::output::line;

/// Takes back what dead processes held of the heap `name`.
pub(crate) fn recover(name: &str) -> Result<ExitCode, CliError> {
    let heap = HeapOptions::new().recover(false).open(name)?;
    let dead: Vec<_> = slots(&heap).into_iter().filter(|slot| slot.life == Life::Dead).collect();
    let recovered = heap.recover();
    let name = heap.name().escape_debug();
    if recovered == 0 {
        line(format_args!("{name}: nothing to recover"))?;
        return Ok(ExitCode::SUCCESS);
    }
    dead.iter().try_for_each(|slot| tell(&heap, slot))?;
    let blocks: usize = dead.iter().map(|slot| slot.used.cached).sum();
    let slabs: usize = dead.iter().map(|slot| slot.slabs).sum();
    line(format_args!(
        "{name}: recovered: slots={recovered} cached-blocks={blocks} slabs={slabs}"
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn tell(heap: &SharedHeap, slot: &Slot) -> Result<(), CliError> {
    let Some(holder) = slot.used.holder else { return Ok(()) };
    line(format_args!(
        "{}: heap slot {} of {holder} (dead): {} cached blocks, {} slabs",
        heap.name().escape_debug(),
        slot.used.number,
        slot.used.cached,
        slot.slabs
    ))
}
