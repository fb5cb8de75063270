//! `anymem verify`.

use std::process::ExitCode;

use anymem::SharedHeap;
use anymem::allocator::Allocator;

use super::faults::Faults;
use super::slots::{Life, Slot, slots};
use crate::error::CliError;
use crate::numbers::grouped;
use crate::output::{complain, line};

/// How often a heap is looked at whose users go on meanwhile: what they are
/// just doing looks like a fault, and is gone on another look.
const LOOKS: usize = 3;

/// Says what is wrong in the heap `name`.
pub(crate) fn verify(name: &str) -> Result<ExitCode, CliError> {
    let is_whole = examine(&SharedHeap::open_read_only(name)?)?;
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says what is wrong in `heap`, and whether nothing is.
pub(crate) fn examine(heap: &SharedHeap) -> Result<bool, CliError> {
    let slots = slots(heap);
    let mut faults = Faults::of(heap);
    for _ in 1..LOOKS {
        if faults.count() > 0 && count(&slots, Life::Alive) > 0 {
            faults = faults.and_still_in(heap);
        }
    }
    tell(heap, &faults, &slots)?;
    Ok(faults.count() == 0)
}

fn count(slots: &[Slot], life: Life) -> usize {
    slots.iter().filter(|slot| slot.life == life).count()
}

fn tell(heap: &SharedHeap, faults: &Faults, slots: &[Slot]) -> Result<(), CliError> {
    let name = heap.name().escape_debug();
    for fault in &faults.told {
        line(format_args!("{name}: {fault}: {}", fault.rule.meaning()))?;
    }
    if faults.more > 0 {
        line(format_args!("{name}: and {} more faults", grouped(faults.more as u64)))?;
    }
    let dead = count(slots, Life::Dead);
    if dead > 0 {
        complain(format_args!(
            "{name}: dead processes hold {dead} heap slots: run `anymem recover`"
        ));
    }
    if faults.count() > 0 {
        return line(format_args!("{name}: broken: faults={}", faults.count()));
    }
    let stats = heap.stats();
    let [blocks, slabs] = [stats.live_blocks, stats.slabs].map(|number| grouped(number as u64));
    line(format_args!(
        "{name}: whole: {blocks} blocks in use, {slabs} slabs, {} heap slots",
        slots.len()
    ))
}
