//! `anymem inspect` and `anymem top`.

mod map;
mod paint;
mod report;
mod text;
mod top;

use std::process::ExitCode;

use anymem::SharedHeap;

use self::map::Map;
use self::report::Report;
pub(crate) use self::top::top;
use crate::args::Inspect;
use crate::error::CliError;
use crate::output::line;

/// Shows what is in a heap.
pub(crate) fn inspect(what: &Inspect) -> Result<ExitCode, CliError> {
    let heap = SharedHeap::open_read_only(&what.name)?;
    let report = Report::of(&heap);
    if what.json {
        let json = serde_json::to_string_pretty(&report);
        line(json.map_err(|error| CliError::Output(error.into()))?)?;
    } else {
        line(text::of(&report))?;
    }
    if let Some(path) = &what.svg {
        svg::save(path, &paint::paint(&report, &Map::of(&heap)))
            .map_err(|error| CliError::MapNotWritten { path: path.clone(), error })?;
    }
    Ok(ExitCode::SUCCESS)
}
