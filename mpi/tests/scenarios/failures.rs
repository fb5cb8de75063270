//! Transports that fail on the way.

use std::sync::Arc;

use anymem_core::region::{Access, Options, Pages, Region, RegionError, update};
use anymem_mpi::{AnyTransport, BufferOptions, Faults, Job, RankBuffer, TransportError};

use super::support::{PAGE, anchor, holds, neighbours, pages, region, share, write};

const PAGES: usize = 20;

/// The pages, in two runs.
fn some() -> Vec<u64> {
    pages((2..6).chain(8..PAGES))
}

fn is_injected(error: RegionError) -> bool {
    match error {
        RegionError::Transport { code, .. } => code == TransportError::INJECTED,
        RegionError::Memory(error) => {
            error == anymem_core::memory::MemoryError::Backend { code: TransportError::INJECTED }
        }
        _ => false,
    }
}

/// Lets each operation of a pull fail once.
pub(super) fn a_pull_that_fails_leaves_no_half_page(transport: &AnyTransport) {
    let faults = Arc::new(Faults::new(Arc::clone(transport)));
    let job = Job::new(faults.clone()).unwrap();
    let own = region(&job, PAGES);
    let _kept = anchor(&own, &Access::All);
    let local = region(&job, PAGES);
    let _copies = anchor(&local, &Access::All);
    write(&*own, &pages(0..PAGES), 0);
    let (exported, peers) = share(&job, &own);
    let peer = &peers[neighbours(transport).0 as usize];
    for time in 1.. {
        write(&*own, &some(), time);
        exported.publish().unwrap();
        job.transport().barrier().unwrap();
        faults.fail_after(time as u64 - 1);
        let mut asked = some();
        let pulled = update(&*local, peer, Pages::new_mut(&mut asked), Options::new());
        faults.fail_after(u64::MAX);
        if let Err(error) = pulled {
            assert!(is_injected(error), "{error}");
        }
        // A page is as it was, new, or invalid.
        for page in 0..PAGES {
            let one = pages([page]);
            let is_new = some()[0] & one[0] != 0;
            let valid = local.pages().valid(0) & one[0] != 0;
            let before = time > 1 && valid && is_new && holds(&*local, &one, time - 1);
            let after = valid && holds(&*local, &one, time);
            assert!(!valid || !is_new || before || after, "page {page} at {time}");
        }
        let is_done = pulled.is_ok();
        let mut asked = some();
        update(&*local, peer, Pages::new_mut(&mut asked), Options::new()).unwrap();
        assert!(holds(&*local, &some(), time));
        if job.agree(is_done).unwrap() {
            assert!(time > 5, "a pull has more operations than {time}");
            break;
        }
    }
}

/// Lets each operation of a push fail once.
pub(super) fn a_push_that_fails_leaves_no_half_page(transport: &AnyTransport) {
    let faults = Arc::new(Faults::new(Arc::clone(transport)));
    let job = Job::new(faults.clone()).unwrap();
    let own = region(&job, PAGES);
    let _kept = anchor(&own, &Access::All);
    let local = region(&job, PAGES);
    let _copies = anchor(&local, &Access::All);
    write(&*own, &pages(0..PAGES), 0);
    let (exported, peers) = share(&job, &own);
    let peer = &peers[neighbours(transport).0 as usize];
    for time in 1.. {
        write(&*local, &some(), time);
        job.transport().barrier().unwrap();
        faults.fail_after(time as u64 - 1);
        let mut asked = some();
        let pushed = update(peer, &*local, Pages::new_mut(&mut asked), Options::forced());
        let settled = peer.settle();
        faults.fail_after(u64::MAX);
        for error in [pushed.map(drop), settled].into_iter().filter_map(Result::err) {
            assert!(is_injected(error), "{error}");
        }
        job.transport().barrier().unwrap();
        exported.accept().unwrap();
        for page in 0..PAGES {
            let one = pages([page]);
            let is_new = some()[0] & one[0] != 0;
            let valid = own.pages().valid(0) & one[0] != 0;
            let before = valid && holds(&*own, &one, if is_new { time - 1 } else { 0 });
            let after = valid && is_new && holds(&*own, &one, time);
            assert!(!valid || before || after, "page {page} at {time}");
        }
        exported.publish().unwrap();
        job.transport().barrier().unwrap();
        let mut asked = some();
        update(peer, &*local, Pages::new_mut(&mut asked), Options::forced()).unwrap();
        peer.settle().unwrap();
        job.transport().barrier().unwrap();
        exported.publish().unwrap();
        assert!(holds(&*own, &some(), time));
        if job.agree(pushed.is_ok() && settled.is_ok()).unwrap() {
            assert!(time > 8, "a push has more operations than {time}");
            break;
        }
    }
}

/// Elements of a page.
const EACH: usize = PAGE / 8;

/// Lets each operation of an exchange fail once on a rank: all ranks' calls end, and the
/// exchange can be done again.
pub(super) fn an_exchange_that_fails_is_done_again(transport: &AnyTransport) {
    let faults = Arc::new(Faults::new(Arc::clone(transport)));
    let job = Job::new(faults.clone()).unwrap();
    let (rank, ranks) = (job.rank(), job.ranks() as usize);
    let options = BufferOptions { page: PAGE, ..BufferOptions::default() };
    let mut buffer = RankBuffer::<u64>::create(&job, 3 * EACH * ranks, options).unwrap();
    let mut array = vec![0; buffer.len()];
    let mut time = 0;
    // Whether it has ended well on all ranks.
    let failing = |by: u32, after: u64, exchange: &mut dyn FnMut() -> Result<(), RegionError>| {
        faults.fail_after(if rank == by { after } else { u64::MAX });
        let done = exchange();
        faults.fail_after(u64::MAX);
        if let Err(error) = done {
            assert!(rank != by || is_injected(error), "{error}");
        }
        job.agree(done.is_ok()).unwrap()
    };
    for by in [0, job.ranks() - 1] {
        for after in 0.. {
            time += 1;
            let own = buffer.own_ranges()[0].clone();
            buffer.write(own.start, &vec![time; own.len()]).unwrap();
            array.fill(time);
            let fetched = failing(by, after, &mut || buffer.fetch(&Access::All).map(drop));
            buffer.fetch(&Access::All).unwrap();
            check(&buffer, &array);
            // Each rank writes the last page of the next one.
            let next = (rank as usize + 1) % ranks * 3 + 2;
            buffer.write(next * EACH, &[time + 1000; EACH]).unwrap();
            for last in (2..3 * ranks).step_by(3) {
                array[last * EACH..][..EACH].fill(time + 1000);
            }
            let pushed = failing(by, after, &mut || buffer.push(&Access::All).map(drop));
            buffer.push(&Access::All).unwrap();
            buffer.fetch(&Access::All).unwrap();
            check(&buffer, &array);
            if fetched && pushed {
                assert!(after > 3, "an exchange has more operations than {after}");
                break;
            }
        }
    }
}

fn check(buffer: &RankBuffer<u64>, array: &[u64]) {
    let mut found = vec![0; array.len()];
    buffer.read(0, &mut found).unwrap();
    assert_eq!(found, array);
}
