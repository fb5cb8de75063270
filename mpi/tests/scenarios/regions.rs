//! Pages of regions between ranks.

use anymem_core::region::{Access, Options, Pages, Region, RegionError, Run, update};
use anymem_mpi::{AnyTransport, Exported, Handle, Job, MpiRegion};

use super::support::{
    PAGE, anchor, gather, holds, neighbours, pages, region, region_id, share, write,
};

const PAGES: usize = 150;

pub(super) fn only_stale_pages_are_pulled(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let own = region(&job, PAGES);
    let _kept = anchor(&own, &Access::All);
    write(&*own, &pages(0..PAGES), transport.rank() as usize);
    let (exported, peers) = share(&job, &own);
    let (next, _) = neighbours(transport);
    let peer = &peers[next as usize];
    let local = region(&job, PAGES);
    let _copies = anchor(&local, &Access::All);
    transport.barrier().unwrap();
    let pull = || {
        let mut all = pages(0..PAGES);
        let copied = update(&*local, peer, Pages::new_mut(&mut all), Options::new()).unwrap();
        (copied, all)
    };
    let (copied, _) = pull();
    assert_eq!((copied.pages, copied.bytes), (PAGES, PAGES * PAGE - 100));
    assert!(holds(&*local, &pages(0..PAGES), next as usize));
    assert_eq!(pull().0.bytes, 0);
    transport.barrier().unwrap();
    write(&*own, &pages([3, 4, 149]), 7 + transport.rank() as usize);
    // What is not shown yet is not seen.
    transport.barrier().unwrap();
    assert_eq!(pull().0.bytes, 0);
    transport.barrier().unwrap();
    exported.publish().unwrap();
    transport.barrier().unwrap();
    let (copied, moved) = pull();
    assert_eq!((copied.pages, copied.bytes), (3, 3 * PAGE - 100));
    assert_eq!(moved, pages([3, 4, 149]));
    assert!(holds(&*local, &pages([3, 4, 149]), 7 + next as usize));
    assert!(holds(&*local, &pages((5..149).chain(0..3)), next as usize));
    transport.barrier().unwrap();
}

pub(super) fn missing_pages_move_nothing(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let own = region(&job, PAGES);
    let some = pages([0, 2, 90]);
    let _kept = anchor(&own, &Access::Pages(Pages::new(&some)));
    write(&*own, &pages([0, 2]), 1);
    let (_exported, peers) = share(&job, &own);
    let (next, _) = neighbours(transport);
    let peer = &peers[next as usize];
    let local = region(&job, PAGES);
    let wanted = pages([0, 1, 2, 91]);
    let copies = anchor(&local, &Access::Pages(Pages::new(&wanted)));
    write(&*local, &wanted, 5);
    let mut asked = wanted.clone();
    let failed = update(&*local, peer, Pages::new_mut(&mut asked), Options::forced());
    let region = peer.id();
    assert_eq!(failed, Err(RegionError::Unallocated { region, first: 1, pages: 2 }));
    assert_eq!(asked, pages([1, 91]));
    assert!(holds(&*local, &wanted, 5));
    drop(copies);
    let wanted = pages([0, 90]);
    let _copies = anchor(&local, &Access::Pages(Pages::new(&wanted)));
    let mut asked = wanted.clone();
    let failed = update(&*local, peer, Pages::new_mut(&mut asked), Options::forced());
    assert_eq!(failed, Err(RegionError::Invalid { region, first: 90, pages: 1 }));
    assert_eq!(local.pages().valid(0), 0);
    transport.barrier().unwrap();
}

pub(super) fn pages_are_pushed_to_their_owner(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let own = region(&job, PAGES);
    let _kept = anchor(&own, &Access::All);
    write(&*own, &pages(0..PAGES), 0);
    let (exported, peers) = share(&job, &own);
    let (next, before) = neighbours(transport);
    let peer = &peers[next as usize];
    let local = region(&job, PAGES);
    let pushed = pages([1, 2, 70, 149]);
    let _copies = anchor(&local, &Access::Pages(Pages::new(&pushed)));
    let time = |rank: u32| 3 + rank as usize;
    write(&*local, &pushed, time(transport.rank()));
    transport.barrier().unwrap();
    let mut asked = pushed.clone();
    let refused = update(peer, &*local, Pages::new_mut(&mut asked), Options::new());
    assert_eq!(refused, Err(RegionError::Overwrite { first: 1, pages: 4 }));
    let mut asked = pushed.clone();
    let copied = update(peer, &*local, Pages::new_mut(&mut asked), Options::forced()).unwrap();
    assert_eq!((copied.pages, copied.runs, copied.bytes), (4, 4, 4 * PAGE - 100));
    peer.settle().unwrap();
    // It knows at once what it has put there.
    let mut asked = pushed.clone();
    let again = update(peer, &*local, Pages::new_mut(&mut asked), Options::forced()).unwrap();
    assert_eq!((again.pages, again.skipped), (0, 4));
    transport.barrier().unwrap();
    assert_eq!(exported.accept(), Ok(4));
    assert_eq!(exported.accept(), Ok(0));
    assert!(holds(&*own, &pushed, time(before)));
    assert!(holds(&*own, &pages([0, 3, 69, 71, 148]), 0));
    assert_eq!(own.pages().dirty(0) & pushed[0], 0);
    exported.publish().unwrap();
    transport.barrier().unwrap();
    let mut asked = pushed.clone();
    let again = update(peer, &*local, Pages::new_mut(&mut asked), Options::forced()).unwrap();
    assert_eq!((again.pages, again.skipped), (0, 4));
    transport.barrier().unwrap();
}

pub(super) fn published_pages_are_kept(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let own = region(&job, PAGES);
    let kept = anchor(&own, &Access::All);
    write(&*own, &pages(0..PAGES), 4);
    let (exported, peers) = share(&job, &own);
    drop(kept);
    transport.barrier().unwrap();
    let local = region(&job, PAGES);
    let _copies = anchor(&local, &Access::All);
    let (next, _) = neighbours(transport);
    let peer = &peers[next as usize];
    let mut all = pages(0..PAGES);
    update(&*local, peer, Pages::new_mut(&mut all), Options::new()).unwrap();
    assert!(holds(&*local, &pages(0..PAGES), 4));
    transport.barrier().unwrap();
    exported.publish().unwrap();
    assert_eq!(own.pages().allocated(0), 0);
    transport.barrier().unwrap();
    let mut all = pages(0..PAGES);
    let failed = update(&*local, peer, Pages::new_mut(&mut all), Options::new());
    let region = peer.id();
    assert_eq!(failed, Err(RegionError::Unallocated { region, first: 0, pages: PAGES }));
    transport.barrier().unwrap();
}

pub(super) fn pages_that_have_moved_are_found(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let own = region(&job, PAGES);
    let kept = anchor(&own, &Access::All);
    write(&*own, &pages(0..PAGES), 4);
    let (exported, peers) = share(&job, &own);
    let (next, _) = neighbours(transport);
    let peer = &peers[next as usize];
    let local = region(&job, PAGES);
    let _copies = anchor(&local, &Access::All);
    let pull = |time| {
        let mut all = pages(0..PAGES);
        update(&*local, peer, Pages::new_mut(&mut all), Options::new()).unwrap();
        assert!(holds(&*local, &pages(0..PAGES), time));
        peer.place(Run { first: 70, len: 1 }).unwrap().address
    };
    transport.barrier().unwrap();
    let before = pull(4);
    transport.barrier().unwrap();
    drop(kept);
    exported.publish().unwrap();
    // Others get the blocks of the first pages, so that they come to be elsewhere.
    let other = region(&job, PAGES);
    let _others = anchor(&other, &Access::All);
    let _kept = anchor(&own, &Access::All);
    write(&*own, &pages(0..PAGES), 5);
    exported.publish().unwrap();
    transport.barrier().unwrap();
    assert_ne!(pull(5), before);
    transport.barrier().unwrap();
}

pub(super) fn handles_lead_to_regions_alone(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let own = region(&job, PAGES);
    let exported = Exported::new(&job, own).unwrap();
    let mut sent = exported.handle().to_bytes();
    assert_eq!(Handle::from_bytes(&sent), Some(exported.handle()));
    assert_eq!(Handle::from_bytes(&sent[1..]), None);
    transport.barrier().unwrap();
    for wrong in [64_u64, u64::MAX - 7, transport.arena_len(0) as u64] {
        sent[24..].copy_from_slice(&wrong.to_ne_bytes());
        let handle = Handle::from_bytes(&sent).unwrap();
        // SAFETY: it is an error.
        assert!(unsafe { MpiRegion::open(&job, handle) }.is_err());
    }
    assert_eq!(gather(transport, &[1]).len(), transport.ranks() as usize);
    assert_ne!(job.region_id().unwrap(), region_id(1 + transport.rank()));
}
