//! `anymem ls`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anymem::backend::SegmentInfo;
use anymem::{SharedHeap, Size};

use super::processes::Mappings;
use super::seen::Seen;
use crate::error::CliError;
use crate::output::{complain, line};
use crate::tables::table;

/// Lists the segments of this machine.
pub(crate) fn list() -> Result<ExitCode, CliError> {
    let found = SharedHeap::list()?;
    if found.is_empty() {
        complain("there are no segments");
        return Ok(ExitCode::SUCCESS);
    }
    let mappings = Mappings::read();
    let mut table = table(&["name", "size", "in memory", "live", "state", "processes"]);
    for info in &found {
        table.add_row(row(info, &Seen::of(&info.name)?, &mappings));
    }
    line(table)?;
    Ok(ExitCode::SUCCESS)
}

fn row(info: &SegmentInfo, seen: &Seen, mappings: &Mappings) -> [String; 6] {
    [
        info.name.escape_debug().to_string(),
        info.size.to_string(),
        info.committed.to_string(),
        seen.live.map_or_else(|| "?".into(), |live| Size::bytes(live).to_string()),
        seen.state.clone(),
        processes(info, seen, mappings),
    ]
}

/// The processes that have a segment attached, the dead ones marked.
fn processes(info: &SegmentInfo, seen: &Seen, mappings: &Mappings) -> String {
    // Of a number, the living process counts: the dead one had it before.
    let mut processes = BTreeMap::<u32, bool>::new();
    let mapped = mappings.of(&info.path).map(|pid| (pid, true));
    for (pid, lives) in seen.holders.iter().copied().chain(mapped) {
        *processes.entry(pid).or_default() |= lives;
    }
    let names = processes.iter().map(|(pid, lives)| match lives {
        true => pid.to_string(),
        false => format!("{pid} (dead)"),
    });
    names.collect::<Vec<_>>().join(", ")
}
