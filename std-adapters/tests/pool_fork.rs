//! A forked child goes on with its parent's pools, also with what threads kept that are not
//! there.

#[path = "pool_common/mod.rs"]
mod common;

use core::alloc::Layout;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::thread;

use anymem::pool::{self, DisjointOptions, Pool, PoolHandle, Tracked};
use anymem::provider::Provider;
use common::Pages;

fn use_it(pool: &PoolHandle) {
    let layout = Layout::new::<[u64; 8]>();
    let blocks: Vec<_> = (0..300).map(|_| pool.allocate(layout).expect("memory")).collect();
    for block in blocks {
        // SAFETY: the block is live, and used no more.
        unsafe { pool::free(block) }.expect("live");
    }
}

/// Runs `child` in a forked child; whether all went well there.
fn goes_well_in_child(child: impl FnOnce()) -> bool {
    // SAFETY: the child is one thread, and ends without coming back.
    match unsafe { libc::fork() } {
        0 => {
            let result = catch_unwind(AssertUnwindSafe(child));
            // SAFETY: nothing is left to be done.
            unsafe { libc::_exit(i32::from(result.is_err())) }
        }
        pid => {
            assert!(pid > 0, "fork");
            let mut status = 0;
            // SAFETY: the status is writable.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
        }
    }
}

#[test]
fn a_child_has_what_other_threads_kept() {
    let pages = Pages::new();
    let memory = Tracked::new(pages.clone()).unwrap();
    let pool = PoolHandle::new(DisjointOptions::new().build(memory).unwrap());
    use_it(&pool);
    let (kept, forked) = (Barrier::new(3), Barrier::new(3));
    thread::scope(|scope| {
        let others = [0; 2].map(|_| {
            scope.spawn(|| {
                use_it(&pool);
                kept.wait();
                forked.wait();
                use_it(&pool);
            })
        });
        kept.wait();
        let went_well = goes_well_in_child(|| {
            assert_eq!(pool.stats().blocks, 0);
            use_it(&pool);
            pool.trim(0);
            assert_eq!((pool.stats().blocks, pages.usage().current), (0, 0));
            thread::scope(|scope| scope.spawn(|| use_it(&pool)).join().unwrap());
            use_it(&pool);
        });
        forked.wait();
        others.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(went_well);
    });
    pool.trim(0);
    assert_eq!((pool.stats().blocks, pages.usage().current), (0, 0), "nor is the parent disturbed");
}
