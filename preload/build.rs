//! How the library is linked.

use std::path::Path;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=order.ld");
    // Threads have its heaps at hand, and the C library its handlers, until the
    // process ends: unloading must leave it where it is.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libanymem.so");
    let order = Path::new(&variable("CARGO_MANIFEST_DIR")).join("order.ld");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-T,{}", order.display());
    if variable("CARGO_CFG_TARGET_ENV") == "gnu" {
        unwind_on_its_own(Path::new(&variable("OUT_DIR")));
    }
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}

/// Has the linker take the unwinder, which `std` wants, from GCC's static
/// library: no program is to load another library on account of this one.
fn unwind_on_its_own(directory: &Path) {
    let stands_in = directory.join("libgcc_s.so");
    fs::write(&stands_in, "INPUT(-lgcc_eh -lgcc)\n")
        .unwrap_or_else(|error| panic!("{}: {error}", stands_in.display()));
    println!("cargo::rustc-link-search=native={}", directory.display());
}
