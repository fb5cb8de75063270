//! `anymem top`.

use std::io::{IsTerminal, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anymem::SharedHeap;
use rustix::termios::tcgetwinsize;

use super::report::Report;
use super::text;
use crate::error::CliError;
use crate::output::line;

/// Goes to the upper left corner, and clears what is behind it.
const REDRAW: &str = "\x1b[H\x1b[J";

/// Lines of a terminal that does not tell how many it has.
const USUAL: usize = 24;

/// Shows what is in the heap `name` every `interval`, until it is removed.
pub(crate) fn top(name: &str, interval: Duration) -> Result<ExitCode, CliError> {
    let heap = SharedHeap::open_read_only(name)?;
    if !stdout().is_terminal() {
        line(text::of(&Report::of(&heap)))?;
        return Ok(ExitCode::SUCCESS);
    }
    while heap.path().is_some_and(Path::exists) {
        let text = text::of(&Report::of(&heap));
        line(format_args!("{REDRAW}{}", first_lines(&text, screen())))?;
        thread::sleep(interval);
    }
    line(format_args!("{} was removed", heap.name().escape_debug()))?;
    Ok(ExitCode::SUCCESS)
}

/// How many lines fit on the screen, with the cursor under them.
fn screen() -> usize {
    let rows = tcgetwinsize(stdout()).ok().map(|size| usize::from(size.ws_row));
    rows.filter(|rows| *rows > 0).unwrap_or(USUAL) - 1
}

fn first_lines(text: &str, count: usize) -> String {
    text.lines().take(count).collect::<Vec<_>>().join("\n")
}
