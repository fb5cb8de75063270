//! Arenas as memories.

use std::alloc::Layout;

use anymem_core::memory::{MemRead, MemSlice, Memory, MemoryError};
use anymem_mpi::{AnyTransport, ArenaAddress, ArenaMemory, Job, RemoteAddress, RemoteMemory};

use super::support::{byte, gather, neighbours};

fn to_offset(bytes: &[u8]) -> u64 {
    u64::from_ne_bytes(bytes.try_into().unwrap())
}

pub(super) fn blocks_are_read_and_written_by_others(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let own = ArenaMemory::new(&job);
    let layout = Layout::from_size_align(10_000, 64).unwrap();
    let block = own.allocate(layout).unwrap();
    // SAFETY: just allocated.
    unsafe { own.fill(block, 0x11, 10_000).unwrap() };
    let all = gather(transport, &block.offset().to_ne_bytes());
    let (next, before) = neighbours(transport);
    let remote = RemoteMemory::new(&job, next).unwrap();
    let there = RemoteAddress::new(to_offset(&all[next as usize * 8..][..8]));
    let sent: Vec<u8> = (0..9_000).map(|at| byte(at, transport.rank() as usize)).collect();
    let mut found = vec![0; 10_000];
    // SAFETY: the block is the next rank's, and only this rank uses it until the barrier.
    unsafe {
        remote.copy_to(there, sent.as_ptr(), sent.len()).unwrap();
        remote.copy_from(found.as_mut_ptr(), there, found.len()).unwrap();
    }
    assert_eq!(found[..9_000], sent);
    assert_eq!(found[9_000..], [0x11; 1000]);
    transport.barrier().unwrap();
    let host = own.host(block).unwrap();
    // SAFETY: the block is initialised, and used by nobody else any more.
    let here = unsafe { std::slice::from_raw_parts(host.as_ptr(), 9_000) };
    assert!(here.iter().enumerate().all(|(at, &is)| is == byte(at, before as usize)));
    // SAFETY: allocated above.
    unsafe { own.free(block, layout) };
    assert!(RemoteMemory::new(&job, transport.ranks()).is_none());
    let beyond = RemoteAddress::new(transport.arena_len(next) as u64 - 1);
    // SAFETY: it is an error, and nothing is copied.
    let failed = unsafe { remote.copy_from(found.as_mut_ptr(), beyond, 2) };
    assert!(matches!(failed, Err(MemoryError::OutOfRange { .. })));
    transport.barrier().unwrap();
}

pub(super) fn typed_objects_come_from_other_ranks(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let numbers: Vec<u32> = (0..1000).map(|at| at * 3 + transport.rank()).collect();
    let own = MemSlice::from_slice(&numbers, ArenaMemory::new(&job)).unwrap();
    let all = gather(transport, &own.address().offset().to_ne_bytes());
    let (next, _) = neighbours(transport);
    let remote = RemoteMemory::new(&job, next).unwrap();
    let there = RemoteAddress::new(to_offset(&all[next as usize * 8..][..8]));
    // SAFETY: the next rank has as many numbers there until the barrier; they are its own, so
    // they are not dropped here.
    let theirs = unsafe { MemSlice::<u32, _>::from_raw(remote, there, 1000) };
    assert_eq!(theirs.get(10).unwrap(), 30 + next);
    let mut some = [0; 4];
    theirs.read(996, &mut some).unwrap();
    assert_eq!(some, [996 * 3 + next, 997 * 3 + next, 998 * 3 + next, 999 * 3 + next]);
    let _ = theirs.into_raw();
    transport.barrier().unwrap();
}

pub(super) fn shared_arenas_are_heaps_of_all(transport: &AnyTransport) {
    let job = Job::new(transport.clone()).unwrap();
    let (next, _) = neighbours(transport);
    let remote = RemoteMemory::new(&job, next).unwrap();
    let own = ArenaMemory::new(&job);
    let layout = Layout::from_size_align(1000, 64).unwrap();
    let there: Result<Vec<_>, _> = (0..50).map(|_| remote.allocate(layout)).collect();
    let here: Vec<ArenaAddress> = (0..50).map(|_| own.allocate(layout).unwrap()).collect();
    assert_eq!(there.is_ok(), transport.shared(next).is_some());
    if let Ok(there) = there {
        // What both have allocated in one arena is apart.
        let words: Vec<u8> = there.iter().flat_map(|block| block.offset().to_ne_bytes()).collect();
        let all = gather(transport, &words);
        let (_, before) = neighbours(transport);
        let theirs = all[before as usize * words.len()..][..words.len()].chunks_exact(8);
        let mut starts: Vec<u64> =
            theirs.map(to_offset).chain(here.iter().map(|block| block.offset())).collect();
        starts.sort_unstable();
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= 1000));
        for block in there {
            // SAFETY: allocated above.
            unsafe { remote.free(block, layout) };
        }
    } else {
        assert_eq!(there, Err(MemoryError::Unsupported));
    }
    for block in here {
        // SAFETY: allocated above.
        unsafe { own.free(block, layout) };
    }
    transport.barrier().unwrap();
}
