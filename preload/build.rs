//! How the library is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Threads have its heaps at hand, and the C library its handlers, until the
    // process ends: unloading must leave it where it is.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libanymem.so");
}
