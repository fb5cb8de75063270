//! Pools by name and number: one at a time and alone in their program, for whoever lists
//! all pools keeps those of others for a moment.

mod turn;

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use anymem::control::{Tree, Value};
use anymem::pool::{self, Pool, PoolHandle, ProxyOptions, ProxyPool, Tracked};
use anymem::provider::OsProvider;
use turn::turn;

fn proxy() -> ProxyPool {
    let pages = Arc::new(OsProvider::new().unwrap());
    ProxyOptions::new().build(Tracked::new(pages).unwrap())
}

#[test]
fn pools_are_found_by_name_and_number() {
    let _turn = turn();
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
    let _turn = turn();
    let wanted = PoolHandle::named("wanted", proxy());
    others_go_while(|| {
        assert_eq!(pool::by_name("wanted").map(|pool| pool.id()), Some(wanted.id()));
    });
}

#[test]
fn reading_what_one_pool_has_counted_keeps_no_other() {
    let _turn = turn();
    let _watched = PoolHandle::named("watched", proxy());
    others_go_while(|| {
        let used = Tree::global().get("pool.by_name.watched.stats.used");
        assert_eq!(used, Ok(Value::Bytes(0)));
    });
}

/// Looks again and again while other pools are made, and go with their last handle.
fn others_go_while(look: impl Fn() + Sync) {
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                look();
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
