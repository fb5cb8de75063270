//! `anymem ls`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anymem::backend::SegmentInfo;
use anymem::thread::{Liveness, PthreadModel};
use anymem::{HeapError, SharedHeap, Size};

use super::processes::Mappings;
use super::state::State;
use crate::error::CliError;
use crate::output::{complain, line};
use crate::tables::table;

/// Lists the segments of this machine.
pub(crate) fn list() -> Result<ExitCode, CliError> {
    // Before anything is mapped here.
    let mappings = Mappings::read();
    let rows: Vec<_> = SharedHeap::list()?.iter().filter_map(|info| row(info, &mappings)).collect();
    if rows.is_empty() {
        complain("there are no segments");
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = table(&["name", "size", "in memory", "live", "state", "processes"]);
    table.add_rows(rows);
    line(table)?;
    Ok(ExitCode::SUCCESS)
}

/// A segment's line; `None` if it is gone by now.
fn row(info: &SegmentInfo, mappings: &Mappings) -> Option<[String; 6]> {
    let state = State::of(&info.name);
    if matches!(state, State::Unmapped(HeapError::Missing { .. })) {
        return None;
    }
    let live = state.contents().map(|contents| Size::bytes(contents.live).to_string());
    Some([
        info.name.escape_debug().to_string(),
        info.size.to_string(),
        info.committed.to_string(),
        live.unwrap_or_else(|| "?".into()),
        state.to_string(),
        processes(info, &state, mappings),
    ])
}

/// The processes that have a segment attached, the dead ones marked.
fn processes(info: &SegmentInfo, state: &State, mappings: &Mappings) -> String {
    // Of a number, the living process counts: the dead one had it before.
    let mut alive: BTreeMap<u32, bool> = BTreeMap::new();
    let owners = state.contents().map_or(&[][..], |contents| contents.owners.as_slice());
    for owner in owners {
        *alive.entry(owner.pid).or_default() |= PthreadModel.is_alive(*owner);
    }
    alive.extend(mappings.of(&info.path).map(|pid| (pid, true)));
    let names = alive.iter().map(|(pid, alive)| match alive {
        true => pid.to_string(),
        false => format!("{pid} (dead)"),
    });
    names.collect::<Vec<_>>().join(", ")
}
