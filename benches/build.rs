//! Compiles the programs that `compare -- preload` runs, and warns where a peer
//! would be measured with its assertions compiled in.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// What starts and measures the programs; see its own words.
const LAUNCH: &str = "src/preload/launch.c";
const PROGRAMS: &str = "programs";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    warn_of_assertions();
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for source in sources() {
        compile(&source, &out);
    }
    println!("cargo::rustc-env=PROGRAMS={}", out.display());
}

fn warn_of_assertions() {
    println!("cargo::rerun-if-env-changed=CXXFLAGS");
    // The workspace's `.cargo/config.toml` sets this; the caller's environment
    // goes before it.
    if !env::var("CXXFLAGS").unwrap_or_default().contains("NDEBUG") {
        println!("cargo::warning=CXXFLAGS lacks -DNDEBUG: snmalloc is built with its assertions");
    }
}

/// Returns the sources in C and C++, of which each is a program.
fn sources() -> Vec<PathBuf> {
    println!("cargo::rerun-if-changed={LAUNCH}");
    println!("cargo::rerun-if-changed={PROGRAMS}");
    let programs = fs::read_dir(PROGRAMS).expect("the programs are there");
    let paths = programs.map(|entry| entry.expect("the folder can be read").path());
    let is_source = |path: &PathBuf| path.extension().is_some_and(|it| it == "c" || it == "cpp");
    paths.filter(is_source).chain([PathBuf::from(LAUNCH)]).collect()
}

/// Compiles `source` to a program of the same name in `out`: optimised whatever
/// this build's profile, for it is the allocators that are to be measured.
fn compile(source: &Path, out: &Path) {
    let cpp = source.extension().is_some_and(|extension| extension == "cpp");
    let mut build = cc::Build::new();
    build.cpp(cpp).std(if cpp { "c++17" } else { "gnu11" }).opt_level(2).debug(false);
    let mut compiler = build.get_compiler().to_command();
    let name = source.file_stem().expect("a source has a name");
    let status = compiler.arg(source).arg("-o").arg(out.join(name)).arg("-pthread").status();
    assert!(status.is_ok_and(|status| status.success()), "cannot compile {}", source.display());
}
