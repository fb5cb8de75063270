//! The pool of oneTBB where that is not installed: an error that says what to install.

use std::ffi::{CStr, CString};
use std::process::Command;
use std::sync::Arc;

use anymem::pool::{PoolError, ScalableOptions, Tracked};
use anymem::provider::OsProvider;
use anymem_tests::{Peer, is_root, part, role, skip};

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
    // SAFETY: takes a number; this thread alone sees other mounts from then on.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNS) }, 0);
    mount(c"none", c"/", libc::MS_REC | libc::MS_PRIVATE);
    for path in installed() {
        mount(c"/dev/null", &path, libc::MS_BIND);
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

fn mount(what: &CStr, to: &CStr, flags: libc::c_ulong) {
    // SAFETY: both strings end in zero bytes and outlive the call; the others may be null.
    let result = unsafe {
        libc::mount(what.as_ptr(), to.as_ptr(), core::ptr::null(), flags, core::ptr::null())
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}
