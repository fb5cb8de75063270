//! Writes `preload/include/anymem.h` from the sources, or with `--check` says
//! whether it is what would be written.
//!
//! A package of its own, for what it is built from takes longer than everything
//! else: `cargo run -p anymem-header`.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use cbindgen::{Builder, Config};

/// In the order in which the header has them.
const SOURCES: [&str; 6] = ["status", "handle", "block", "root", "stats", "profile"];

fn generated(package: &Path) -> Result<String, Box<dyn Error>> {
    let config = Config::from_file(package.join("header/cbindgen.toml"))?;
    let sources = SOURCES.map(|name| package.join("src/heaps").join(name).with_extension("rs"));
    let builder = sources.iter().fold(Builder::new(), |builder, file| builder.with_src(file));
    let mut text = Vec::new();
    builder.with_config(config).generate()?.write(&mut text);
    Ok(String::from_utf8(text)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let header = package.join("include/anymem.h");
    let text = generated(&package)?;
    if env::args().nth(1).as_deref() != Some("--check") {
        fs::write(header, text)?;
    } else if fs::read_to_string(header)? != text {
        return Err("anymem.h is not up to date: cargo run -p anymem-header".into());
    }
    Ok(())
}
