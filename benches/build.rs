//! Warns where a peer would be measured with its assertions compiled in.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CXXFLAGS");
    // The workspace's `.cargo/config.toml` sets this; the caller's environment
    // goes before it.
    if !env::var("CXXFLAGS").unwrap_or_default().contains("NDEBUG") {
        println!("cargo::warning=CXXFLAGS lacks -DNDEBUG: snmalloc is built with its assertions");
    }
}
