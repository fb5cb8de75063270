//! Names of heaps.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anymem::SharedHeap;

/// The name of a heap, which goes when this does.
#[derive(Debug)]
pub struct Name(String);

impl Name {
    /// One that no other test has, nor ever had: those that are killed leave theirs.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "each is another")]
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let chance = RandomState::new().build_hasher().finish();
        Self(format!("test.{}.{count}.{chance:x}", std::process::id()))
    }

    /// One that somebody else has chosen.
    #[must_use]
    pub fn known(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The file of the heap.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        directory().join(format!("anymem.{}", self.0))
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let _ = SharedHeap::unlink(&self.0);
    }
}

/// Where heaps are if nothing else is said.
fn directory() -> PathBuf {
    if cfg!(windows) { std::env::temp_dir() } else { "/dev/shm".into() }
}
