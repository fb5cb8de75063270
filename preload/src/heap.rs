//! The process's heap, made when it is first used.

use core::sync::atomic::{AtomicBool, Ordering};

use anymem::ProcessHeap;

use crate::options::Options;
use crate::process::HEAP;
use crate::stderr::say;
use crate::{profile, report, stderr};

static READY: AtomicBool = AtomicBool::new(false);

/// The heap; `None` while the caller is making it, or if it can't be made.
pub(crate) fn get() -> Option<&'static ProcessHeap> {
    // Acquire: pairs with the Release in `make`.
    if READY.load(Ordering::Acquire) { HEAP.heap() } else { make() }
}

#[cold]
fn make() -> Option<&'static ProcessHeap> {
    let options = Options::read(|_| ());
    HEAP.make_like(&options.heap());
    let heap = HEAP.heap()?;
    // Release: pairs with the Acquire in `get`.
    if !READY.swap(true, Ordering::Release) {
        Options::read(|refused| refused.report());
        if let Err(error) = HEAP.status() {
            say(format_args!("the heap is private: {error}"));
        }
        if options.stats || options.profile.is_some() {
            stderr::keep();
        }
        if options.stats {
            report::at_exit();
        }
        if let Some(path) = options.profile {
            profile::at_exit(path);
        }
    }
    Some(heap)
}
