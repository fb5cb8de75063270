//! The files that a run leaves.

use core::error::Error;
use std::{fs, path::Path};

use anymem_benches::Chart;

/// Writes `NAME.txt`, `NAME.json` and `NAME.svg` to `directory`.
pub(crate) fn write(
    directory: &Path,
    name: &str,
    text: &str,
    json: &str,
    chart: &Chart,
) -> Result<(), Box<dyn Error>> {
    write_file(&directory.join(name).with_extension("txt"), text)?;
    write_file(&directory.join(name).with_extension("json"), json)?;
    draw(directory, name, chart)
}

/// Writes `NAME.svg` to `directory`.
pub(crate) fn draw(directory: &Path, name: &str, chart: &Chart) -> Result<(), Box<dyn Error>> {
    Ok(write_file(&directory.join(name).with_extension("svg"), &chart.svg()?)?)
}

fn write_file(path: &Path, content: &str) -> Result<(), String> {
    let ended = format!("{}\n", content.trim_end());
    fs::write(path, ended).map_err(|error| format!("cannot write {}: {error}", path.display()))
}
