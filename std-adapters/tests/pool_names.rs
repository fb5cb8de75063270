//! Pools by name and number: alone in its program, for whoever lists pools keeps those of
//! others for a moment.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use anymem::pool::{self, Pool, PoolHandle, ProxyOptions, ProxyPool, Tracked};
use anymem::provider::OsProvider;

fn proxy() -> ProxyPool {
    let pages = Arc::new(OsProvider::new().unwrap());
    ProxyOptions::new().build(Tracked::new(pages).unwrap())
}

#[test]
fn pools_are_found_by_name_and_number() {
    let pool = PoolHandle::named("by its name", proxy());
    assert_eq!(pool::by_name("by its name").map(|pool| pool.id()), Some(pool.id()));
    assert_eq!(pool::by_id(pool.id()).as_ref().map(Pool::name), Some("by its name"));
    assert!(pool::all().iter().any(|other| other.id() == pool.id()));
    let id = pool.id();
    drop(pool);
    assert!(pool::by_name("by its name").is_none() && pool::by_id(id).is_none());
    let next = PoolHandle::new(proxy());
    assert!(next.id() > id, "a number is never used again");
}

/// Whoever looks for one pool keeps no other one beyond its last handle.
#[test]
fn looking_for_a_pool_keeps_no_other() {
    let (is_done, wanted) = (AtomicBool::new(false), PoolHandle::named("wanted", proxy()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                assert_eq!(pool::by_name("wanted").map(|pool| pool.id()), Some(wanted.id()));
            }
        });
        for _ in 0..20_000 {
            let pages = Arc::new(OsProvider::new().unwrap());
            let kept = Arc::downgrade(&pages);
            let pool = ProxyOptions::new().build(Tracked::new(pages).unwrap());
            drop(PoolHandle::new(pool));
            if kept.upgrade().is_some() {
                is_done.store(true, Ordering::Relaxed);
                panic!("a pool is there after its last handle");
            }
        }
        is_done.store(true, Ordering::Relaxed);
    });
}
