//! Pools by name and number: alone in its program, for whoever lists pools keeps those of
//! others for a moment.

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
