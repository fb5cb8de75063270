//! Buffers over all ranks.

use anymem_core::region::{Access, Pages, Region, RegionError};
use anymem_mpi::{AnyTransport, BufferOptions, Distribution, Job, RankBuffer};

use super::support::{Dice, PAGE, pages};

/// 24 bytes: pages end within elements.
#[derive(Debug, Clone, Copy, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct Particle {
    id: u64,
    at: [f32; 4],
}

fn particle(id: usize, time: usize) -> Particle {
    Particle { id: (id * 1000 + time) as u64, at: [id as f32, time as f32, 0.5, -1.0] }
}

fn options(distribution: Distribution<'_>) -> BufferOptions<'_> {
    BufferOptions { page: PAGE, distribution, ..BufferOptions::default() }
}

/// Ranks write elements of their own and of others, and exchange them: afterwards all have
/// what one array has. Elements of one page are written by one rank at a time.
pub(super) fn buffers_agree_with_an_array(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let ranks = transport.ranks();
    let custom = move |page: usize| (page * page % 7) as u32 % ranks;
    for distribution in
        [Distribution::Block, Distribution::Cyclic(3), Distribution::Custom(&custom)]
    {
        agree_with_an_array(&job, distribution);
    }
}

fn agree_with_an_array(job: &std::sync::Arc<Job>, distribution: Distribution<'_>) {
    let len = 500;
    let size = size_of::<Particle>();
    let mut buffer = RankBuffer::<Particle>::create(job, len, options(distribution)).unwrap();
    let mut array = vec![bytemuck::Zeroable::zeroed(); len];
    let mut dice = Dice::new(11);
    for time in 0..12 {
        buffer.fetch(&Access::All).unwrap();
        let mut found = vec![particle(0, 0); len];
        buffer.read(0, &mut found).unwrap();
        assert_eq!(found, array);
        // A few stretches, each far from the next and some rank's.
        for stretch in 0..10 {
            let start = stretch * 50 + dice.below(20);
            let count = 1 + dice.below(8);
            let by = dice.below(job.ranks() as usize) as u32;
            let written: Vec<_> = (start..start + count).map(|at| particle(at, time)).collect();
            array[start..start + count].copy_from_slice(&written);
            if by == job.rank() {
                buffer.write(start, &written).unwrap();
            }
        }
        let pushed = buffer.push(&Access::All).unwrap();
        assert!(pushed.bytes <= 40 * size + 20 * PAGE, "{pushed:?}");
        if time % 3 == 2 {
            buffer.release();
        }
    }
}

pub(super) fn halos_are_what_neighbours_have(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let (len, each) = (32 * 16 * transport.ranks() as usize, 32 * 16);
    let mut buffer = RankBuffer::<u64>::create(&job, len, options(Distribution::Block)).unwrap();
    let own = buffer.own_ranges();
    let first = transport.rank() as usize * each;
    assert_eq!(own, vec![first..first + each]);
    for time in 0..4 {
        let values: Vec<u64> = (first..first + each).map(|at| (at * 10 + time) as u64).collect();
        buffer.write(first, &values).unwrap();
        let copied = buffer.halo(1, 33).unwrap();
        let before = usize::from(first > 0);
        let after = if first + each < len { 2 } else { 0 };
        assert_eq!(copied.pages, before + after);
        let from = first - before;
        let to = (first + each + 33).min(len);
        let mut found = vec![0; to - from];
        buffer.read(from, &mut found).unwrap();
        assert!(found.iter().enumerate().all(|(at, &is)| is == ((from + at) * 10 + time) as u64));
    }
    // What was not asked for is not here.
    if transport.ranks() > 2 {
        let far = (first + len / 2) % len;
        assert!(matches!(buffer.read(far, &mut [0]), Err(RegionError::Unallocated { .. })));
    }
    assert_eq!(buffer.owner_of(first), Some(transport.rank()));
    assert_eq!(buffer.owner_of(len), None);
    assert!(matches!(buffer.read(len, &mut [0]), Err(RegionError::Access { .. })));
    assert!(matches!(buffer.write(usize::MAX, &[0]), Err(RegionError::Access { .. })));
    transport.barrier().unwrap();
}

pub(super) fn who_wrote_the_same_page_is_told(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let mut buffer =
        RankBuffer::<u64>::create(&job, 4 * 32, options(Distribution::Custom(&|_| 0))).unwrap();
    buffer.fetch(&Access::All).unwrap();
    // Each rank but the first writes page 1, and the last one page 2.
    let (rank, last) = (transport.rank(), transport.ranks() - 1);
    if rank != 0 {
        buffer.write(32, &[u64::from(rank)]).unwrap();
    }
    if rank == last && rank != 0 {
        buffer.write(64, &[7]).unwrap();
    }
    let pushed = buffer.push(&Access::Pages(Pages::new(&pages([1]))));
    match transport.ranks() {
        ..=2 => assert_eq!(pushed.unwrap().pages, usize::from(rank != 0)),
        _ if rank == 0 => assert_eq!(pushed.unwrap().pages, 0),
        _ => assert_eq!(pushed, Err(RegionError::Overwrite { first: 1, pages: 1 })),
    }
    if rank != last {
        buffer.discard(&Access::All).unwrap();
        if rank != 0 {
            // Nothing is there, and so no part of it can be written or read.
            let nothing = RegionError::Invalid { region: buffer.region().id(), first: 1, pages: 1 };
            assert_eq!(buffer.write(33, &[1]), Err(nothing));
            assert_eq!(buffer.read(33, &mut [0]), Err(nothing));
        }
    }
    let pushed = buffer.push(&Access::Pages(Pages::new(&pages([1])))).unwrap();
    assert_eq!(pushed.pages, usize::from(rank == last && last > 1));
    // Copies that were written are not overwritten either.
    let fetched = buffer.fetch(&Access::Pages(Pages::new(&pages([2]))));
    let is_lost = rank == last && rank != 0;
    if is_lost {
        buffer.push(&Access::Pages(Pages::new(&pages([2])))).unwrap();
    } else {
        buffer.push(&Access::Ranges(&[])).unwrap();
    }
    // Its owner had the same, older contents: they are not newer than what was written.
    assert_eq!(fetched.is_err(), is_lost, "{fetched:?}");
    buffer.fetch(&Access::Pages(Pages::new(&pages([2])))).unwrap();
    let mut found = [0];
    buffer.read(64, &mut found).unwrap();
    assert_eq!(found, [if last == 0 { 0 } else { 7 }]);
}

pub(super) fn creation_fails_for_all_or_none(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    // A rank that does not exist, just as the last rank sees it.
    let (rank, ranks) = (transport.rank(), transport.ranks());
    let owner = move |_: usize| if rank == ranks - 1 { ranks } else { 0 };
    let made = RankBuffer::<u8>::create(&job, 1000, options(Distribution::Custom(&owner)));
    assert!(made.is_err());
    // More than an arena has.
    let made = RankBuffer::<u64>::create(&job, 1 << 24, options(Distribution::Block));
    assert!(made.is_err());
    let made = RankBuffer::<u64>::create(
        &job,
        1000,
        BufferOptions { page: 3, ..options(Distribution::Block) },
    );
    assert!(made.is_err());
    let mut made = RankBuffer::<u64>::create(&job, 1000, options(Distribution::Block)).unwrap();
    made.fetch(&Access::All).unwrap();
}
