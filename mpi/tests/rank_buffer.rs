//! Any sequence of what ranks do to a buffer, against one array.
//!
//! - What all ranks have fetched is what the array has.
//! - Elements that were written in copies are the owners' after a push.
//! - Exactly the pages that changed are moved, each once for each rank that asks.
//! - A rank that leaves is an error for all who wait for it, and not a hang.

use std::sync::Arc;
use std::thread;

use anymem_core::region::{Access, Blocks, RegionError};
use anymem_mpi::{BufferOptions, Distribution, Job, LoopBack, RankBuffer, TransportError};
use proptest::prelude::*;

const PAGE: usize = 64;
/// Elements of 8 bytes: the last page is short.
const LEN: usize = 93;
const EACH: usize = PAGE / 8;
const PAGES: usize = LEN.div_ceil(EACH);

/// What all ranks do next.
#[derive(Debug, Clone)]
enum Step {
    /// A rank writes a page's elements, if it has the page.
    Write { rank: u32, page: usize, value: u64 },
    /// Each rank fetches some pages: those of a mask, turned by its number.
    Fetch { pages: u16 },
    /// All written copies are pushed.
    Push,
    /// A rank gives its copies up, if it has pushed what it wrote there.
    Release { rank: u32 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (0..4_u32, 0..PAGES, 1..u64::MAX).prop_map(|(rank, page, value)| Step::Write {
        rank,
        page,
        value,
    });
    let step = prop_oneof![
        5 => write,
        3 => any::<u16>().prop_map(|pages| Step::Fetch { pages }),
        2 => Just(Step::Push),
        1 => (0..4_u32).prop_map(|rank| Step::Release { rank }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// The pages that a rank fetches.
fn fetched(pages: u16, rank: u32) -> Vec<u64> {
    vec![u64::from(pages.rotate_left(rank * 5)) & ((1 << PAGES) - 1)]
}

/// What the whole job knows: what is true of each page, and what each rank has.
struct Model {
    /// The value of each page's elements at its owner, and how often that has changed.
    owners: Vec<(u64, usize)>,
    /// The copies: value, the change they are of, and whether they were written since.
    copies: Vec<Vec<Option<(u64, usize, bool)>>>,
    /// Who has given its copies up: they are gone after the next exchange, but for those that
    /// it asks for.
    released: Vec<bool>,
    owner_of: Vec<u32>,
    changes: usize,
}

impl Model {
    fn new(ranks: u32, owner_of: Vec<u32>) -> Self {
        let copies = vec![vec![None; PAGES]; ranks as usize];
        let released = vec![false; ranks as usize];
        Self { owners: vec![(0, 0); PAGES], copies, released, owner_of, changes: 0 }
    }

    /// Whether the rank may write the page: it has it, and nobody else has written it since
    /// the last exchange.
    fn write(&mut self, rank: u32, page: usize, value: u64, dirty_owners: &mut [bool]) -> bool {
        let is_written = |copies: &Vec<Option<(u64, usize, bool)>>| {
            copies[page].is_some_and(|(_, _, written)| written)
        };
        self.changes += 1;
        if self.owner_of[page] == rank {
            if self.copies.iter().any(is_written) {
                return false;
            }
            self.owners[page] = (value, self.changes);
            dirty_owners[page] = true;
            return true;
        }
        let others = self.copies.iter().enumerate().filter(|&(other, _)| other != rank as usize);
        if dirty_owners[page] || others.map(|(_, copies)| copies).any(is_written) {
            return false;
        }
        match &mut self.copies[rank as usize][page] {
            Some(copy) if !self.released[rank as usize] => {
                *copy = (value, self.changes, true);
                true
            }
            _ => false,
        }
    }

    /// The pages that the rank gets, or nothing if a written copy is in the way.
    fn fetch(&mut self, rank: u32, pages: &[u64]) -> Result<usize, ()> {
        let asked = |page: &usize| pages[0] >> page & 1 != 0 && self.owner_of[*page] != rank;
        let asked: Vec<usize> = (0..PAGES).filter(asked).collect();
        let mine = &mut self.copies[rank as usize];
        if std::mem::take(&mut self.released[rank as usize]) {
            let gone = mine.iter_mut().enumerate().filter(|(page, _)| !asked.contains(page));
            gone.for_each(|(_, copy)| *copy = None);
        }
        let mut got = 0;
        let mut failed = false;
        // Page by page of one owner, an obstacle keeps all of that owner's back.
        for owner in 0..4 {
            let theirs = || asked.iter().copied().filter(|&page| self.owner_of[page] == owner);
            if theirs().any(|page| mine[page].is_some_and(|(_, _, written)| written)) {
                failed = true;
                // Memory was provided for all.
                continue;
            }
            for page in theirs() {
                let (value, change) = self.owners[page];
                if mine[page].is_none_or(|(_, of, _)| of != change) {
                    mine[page] = Some((value, change, false));
                    got += 1;
                }
            }
        }
        if failed { Err(()) } else { Ok(got) }
    }

    fn push(&mut self, rank: u32) -> usize {
        if std::mem::take(&mut self.released[rank as usize]) {
            self.copies[rank as usize].fill(None);
        }
        let mut pushed = 0;
        for page in 0..PAGES {
            if let Some((value, change, written @ true)) = &mut self.copies[rank as usize][page] {
                *written = false;
                self.owners[page] = (*value, *change);
                pushed += 1;
            }
        }
        pushed
    }
}

fn value_at(value: u64, at: usize) -> u64 {
    if value == 0 { 0 } else { value ^ at as u64 }
}

fn elements(page: usize) -> std::ops::Range<usize> {
    page * EACH..(page * EACH + EACH).min(LEN)
}

fn options(distribution: Distribution<'_>) -> BufferOptions<'_> {
    BufferOptions { page: PAGE, distribution, blocks: Blocks::PerPage }
}

/// Does what one rank has to, and checks all that it can see. Each rank has the model of all.
fn run(transport: LoopBack, steps: &[Step], owner_of: &[u32]) {
    let job = Job::new(Arc::new(transport)).unwrap();
    let owner = |page: usize| owner_of[page];
    let mut buffer =
        RankBuffer::<u64>::create(&job, LEN, options(Distribution::Custom(&owner))).unwrap();
    let mut model = Model::new(job.ranks(), owner_of.to_vec());
    let mut dirty_owners = vec![false; PAGES];
    for step in steps {
        take(&mut buffer, &mut model, &mut dirty_owners, step);
        check(&buffer, &model);
    }
    buffer.push(&Access::All).unwrap();
    for rank in 0..job.ranks() {
        model.push(rank);
    }
    buffer.fetch(&Access::All).unwrap();
    for rank in 0..job.ranks() {
        model.fetch(rank, &[u64::MAX]).unwrap();
    }
    check(&buffer, &model);
}

fn take(buffer: &mut RankBuffer<u64>, model: &mut Model, dirty: &mut [bool], step: &Step) {
    let (me, ranks) = (buffer.job().rank(), buffer.job().ranks());
    match *step {
        Step::Write { rank, page, value } => {
            let rank = rank % ranks;
            if model.write(rank, page, value, dirty) && rank == me {
                let values: Vec<u64> = elements(page).map(|at| value_at(value, at)).collect();
                buffer.write(elements(page).start, &values).unwrap();
            }
        }
        Step::Fetch { pages } => {
            let mut mine = Ok(0);
            for rank in 0..ranks {
                let got = model.fetch(rank, &fetched(pages, rank));
                if rank == me {
                    mine = got;
                }
            }
            let asked = fetched(pages, me);
            let got = buffer.fetch(&Access::Pages(anymem_core::region::Pages::new(&asked)));
            match mine {
                Ok(pages) => assert_eq!(got.unwrap().pages, pages),
                Err(()) => assert!(matches!(got, Err(RegionError::Overwrite { .. })), "{got:?}"),
            }
            dirty.fill(false);
        }
        Step::Push => {
            let pushed: Vec<usize> = (0..ranks).map(|rank| model.push(rank)).collect();
            assert_eq!(buffer.push(&Access::All).unwrap().pages, pushed[me as usize]);
            dirty.fill(false);
        }
        Step::Release { rank } => {
            let rank = rank % ranks;
            let mut copies = model.copies[rank as usize].iter().flatten();
            if !copies.any(|&(_, _, written)| written) {
                model.released[rank as usize] = true;
                if rank == me {
                    buffer.release();
                }
            }
        }
    }
}

/// What is here is what the model says.
fn check(buffer: &RankBuffer<u64>, model: &Model) {
    let me = buffer.job().rank();
    for page in 0..PAGES {
        let copy = model.copies[me as usize][page].map(|(value, _, _)| value);
        let expected = if model.owner_of[page] == me { Some(model.owners[page].0) } else { copy };
        if let Some(value) = expected {
            let mut found = vec![0; elements(page).len()];
            buffer.read(elements(page).start, &mut found).unwrap();
            let expected: Vec<u64> = elements(page).map(|at| value_at(value, at)).collect();
            assert_eq!(found, expected, "page {page} on {me}");
        }
    }
}

/// Runs the same on all ranks; `true` if all have ended well.
fn on_ranks(ranks: u32, rank: impl Fn(LoopBack) + Sync) -> bool {
    let all = LoopBack::ranks(ranks, 1 << 20).unwrap();
    thread::scope(|threads| {
        let rank = &rank;
        let ranks: Vec<_> =
            all.into_iter().map(|transport| threads.spawn(move || rank(transport))).collect();
        let failed = ranks.into_iter().filter_map(|rank| rank.join().err()).count();
        failed == 0
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_buffer_is_like_one_array(
        ranks in 1..=4_u32,
        steps in steps(),
        owners in proptest::collection::vec(0..4_u32, PAGES),
    ) {
        let owner_of: Vec<u32> = owners.iter().map(|owner| owner % ranks).collect();
        prop_assert!(on_ranks(ranks, |transport| run(transport, &steps, &owner_of)));
    }

    #[test]
    fn each_page_has_one_owner(pages in 0..500_usize, ranks in 1..9_u32, turn in 0..20_usize) {
        for distribution in [Distribution::Block, Distribution::Cyclic(turn)] {
            let mut counts = vec![0_usize; ranks as usize];
            for page in 0..pages {
                counts[distribution.owner(page, pages, ranks) as usize] += 1;
            }
            let most = if matches!(distribution, Distribution::Block) { 1 } else { turn.max(1) };
            let (least, largest) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            prop_assert!(largest - least <= most, "{counts:?}");
        }
    }
}

#[test]
fn a_rank_that_leaves_is_an_error_for_the_others() {
    let all_well = on_ranks(3, |transport| {
        let job = Job::new(Arc::new(transport)).unwrap();
        let mut buffer =
            RankBuffer::<u64>::create(&job, LEN, options(Distribution::Block)).unwrap();
        buffer.fetch(&Access::All).unwrap();
        if job.rank() == 1 {
            return;
        }
        let gone = Err(RegionError::Transport { rank: 1, code: TransportError::GONE });
        assert_eq!(buffer.fetch(&Access::All).map(drop), gone);
        assert_eq!(buffer.push(&Access::All).map(drop), gone);
        // What is here stays.
        buffer.read(0, &mut [0; LEN]).unwrap();
        assert!(RankBuffer::<u64>::create(&job, LEN, options(Distribution::Block)).is_err());
    });
    assert!(all_well);
}
