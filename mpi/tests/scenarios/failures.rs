//! Transports that fail on the way.

use std::sync::Arc;

use anymem_core::region::{Access, Anchor, Options, Pages, Region, RegionError, update};
use anymem_mpi::{
    AnyTransport, ArenaMemory, BufferOptions, Exported, Faults, Job, MpiRegion, RankBuffer,
    TransportError,
};

use super::support::{Local, PAGE, anchor, holds, neighbours, pages, region, share, write};

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

/// A region of each rank, and here one for copies of the next one's, by a transport that
/// fails when it is told to.
struct Copies {
    // Dropped in this order: what others use goes last.
    peer: MpiRegion,
    exported: Exported<Local>,
    _kept: [Anchor<Arc<Local>, ArenaMemory>; 2],
    own: Arc<Local>,
    local: Arc<Local>,
    job: Arc<Job>,
    faults: Arc<Faults>,
}

impl Copies {
    fn new(transport: &AnyTransport) -> Self {
        let faults = Arc::new(Faults::new(Arc::clone(transport)));
        let job = Job::new(faults.clone()).unwrap();
        let [own, local] = [(); 2].map(|()| region(&job, PAGES));
        let kept = [&own, &local].map(|region| anchor(region, &Access::All));
        write(&*own, &pages(0..PAGES), 0);
        let (exported, mut peers) = share(&job, &own);
        let peer = peers.swap_remove(neighbours(transport).0 as usize);
        Self { peer, exported, _kept: kept, own, local, job, faults }
    }

    fn barrier(&self) {
        self.job.transport().barrier().unwrap();
    }

    fn pull(&self) -> Result<(), RegionError> {
        let mut asked = some();
        update(&*self.local, &self.peer, Pages::new_mut(&mut asked), Options::new()).map(drop)
    }

    fn push(&self) -> Result<(), RegionError> {
        let mut asked = some();
        let pushed =
            update(&self.peer, &*self.local, Pages::new_mut(&mut asked), Options::forced());
        // What was pushed is told of in any case.
        let settled = self.peer.settle();
        pushed.map(drop).and(settled)
    }

    /// Lets the operation fail that comes after so many of `task`.
    fn failing(
        &self,
        after: usize,
        task: impl FnOnce(&Self) -> Result<(), RegionError>,
    ) -> Result<(), RegionError> {
        self.faults.fail_after(after as u64);
        let done = task(self);
        self.faults.fail_after(u64::MAX);
        if let Err(error) = done {
            assert!(is_injected(error), "{error}");
        }
        done
    }
}

/// A page is as it was at the time `before` says, new if it is one of those, or invalid.
fn check_pages(region: &Local, before: impl Fn(bool) -> Option<usize>, time: usize) {
    for page in 0..PAGES {
        let one = pages([page]);
        let is_some = some()[0] & one[0] != 0;
        let holds = |time| holds(region, &one, time);
        let is_whole = || before(is_some).is_some_and(holds) || is_some && holds(time);
        let is_valid = region.pages().valid(0) & one[0] != 0;
        assert!(!is_valid || is_whole(), "page {page} at {time}");
    }
}

/// Lets each operation of a pull fail once.
pub(super) fn a_pull_that_fails_leaves_no_half_page(transport: &AnyTransport) {
    let copies = Copies::new(transport);
    for time in 1.. {
        write(&*copies.own, &some(), time);
        copies.exported.publish().unwrap();
        copies.barrier();
        let pulled = copies.failing(time - 1, Copies::pull);
        check_pages(&copies.local, |_| (time > 1).then(|| time - 1), time);
        copies.pull().unwrap();
        assert!(holds(&*copies.local, &some(), time));
        if copies.job.agree(pulled.is_ok()).unwrap() {
            assert!(time > 5, "a pull has more operations than {time}");
            break;
        }
    }
}

/// Lets each operation of a push fail once.
pub(super) fn a_push_that_fails_leaves_no_half_page(transport: &AnyTransport) {
    let copies = Copies::new(transport);
    for time in 1.. {
        write(&*copies.local, &some(), time);
        copies.barrier();
        let pushed = copies.failing(time - 1, Copies::push);
        copies.barrier();
        copies.exported.accept().unwrap();
        check_pages(&copies.own, |is_some| Some(if is_some { time - 1 } else { 0 }), time);
        copies.exported.publish().unwrap();
        copies.barrier();
        copies.push().unwrap();
        copies.barrier();
        copies.exported.publish().unwrap();
        assert!(holds(&*copies.own, &some(), time));
        if copies.job.agree(pushed.is_ok()).unwrap() {
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
