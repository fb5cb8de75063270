//! Chooses where things stand in memory.

use std::env;

fn main() {
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo:rerun-if-changed=link");
    println!("cargo:rustc-link-arg-bins=-L{folder}/link");
    println!("cargo:rustc-link-arg-bins=-T{arch}.ld");
}
