//! The pool of oneTBB where that is not installed: an error that says what to install.

use std::ffi::CString;
use std::process::Command;
use std::sync::Arc;

use anymem::pool::{PoolError, ScalableOptions, Tracked};
use anymem::provider::OsProvider;
use anymem_tests::{Peer, is_root, mount, own_mounts, part, role, skip};

#[test]
fn peer() {
    let Some(words) = role() else { return };
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match *part(&words) {
        ["without it"] => live_without_it(),
        _ => panic!("no such role: {words:?}"),
    }
}

#[test]
fn a_missing_library_is_named() {
    if !is_root() {
        skip("root", "right to mount");
        return;
    }
    Peer::start(&["without it"]).finish();
}

/// Wherever the library is, there is nothing, for this process.
fn live_without_it() {
    own_mounts().expect("root may");
    for path in installed() {
        mount(Some(c"/dev/null"), &path, None, libc::MS_BIND, None).expect("root may");
    }
    let provider = Arc::new(OsProvider::new().expect("pages"));
    let tracked = Tracked::new(provider).expect("numbers");
    let error = ScalableOptions::new().build(tracked).expect_err("it is not there");
    assert!(matches!(error, PoolError::Library { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("libtbbmalloc.so.2") && text.contains("libtbbmalloc2"), "{text}");
}

/// Where the loader finds the library.
fn installed() -> Vec<CString> {
    let listed = Command::new("/sbin/ldconfig").arg("-p").output().expect("the loader's list");
    let listed = String::from_utf8(listed.stdout).expect("text");
    let of_it = listed.lines().filter(|line| line.contains("libtbbmalloc.so.2"));
    let paths = of_it.filter_map(|line| line.split(" => ").nth(1));
    paths.map(|path| CString::new(path).expect("a path")).collect()
}
