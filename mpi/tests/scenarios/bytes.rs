//! Bytes between arenas.

use anymem_mpi::{AnyTransport, TransportError, open_kind};

use super::support::{Dice, byte, gather, get, neighbours, put};

pub(super) fn puts_and_gets_arrive(transport: &AnyTransport) {
    let (next, before) = neighbours(transport);
    for (time, len) in [0, 1, 7, 4096, 4097, 1 << 20].into_iter().enumerate() {
        let mine = transport.rank() as usize;
        let sent: Vec<u8> = (0..len).map(|at| byte(at + mine, time)).collect();
        put(transport, next, 64, &sent);
        transport.barrier().unwrap();
        let expected: Vec<u8> = (0..len).map(|at| byte(at + before as usize, time)).collect();
        assert_eq!(get(transport, transport.rank(), 64, len), expected);
        assert_eq!(get(transport, next, 64, len), sent);
        transport.barrier().unwrap();
    }
}

pub(super) fn many_runs_take_one_flush(transport: &AnyTransport) {
    let (next, _) = neighbours(transport);
    let mut dice = Dice::new(7);
    let whole: Vec<u8> = (0..1 << 18).map(|at| byte(at, transport.rank() as usize)).collect();
    put(transport, transport.rank(), 0, &whole);
    transport.barrier().unwrap();
    // Runs of all lengths that end anywhere, backwards.
    let runs: Vec<(usize, usize)> =
        (0..256).rev().map(|run| (run * 1024 + dice.below(512), 1 + dice.below(512))).collect();
    let mut found: Vec<Vec<u8>> = runs.iter().map(|&(_, len)| vec![0; len]).collect();
    for (&(at, len), to) in runs.iter().zip(&mut found) {
        // SAFETY: the bytes are here until the flush.
        unsafe { transport.get(to.as_mut_ptr(), next, at as u64, len).unwrap() };
    }
    transport.flush(next).unwrap();
    for ((at, len), found) in runs.into_iter().zip(found) {
        let expected: Vec<u8> = (at..at + len).map(|at| byte(at, next as usize)).collect();
        assert_eq!(found, expected);
    }
    transport.barrier().unwrap();
}

pub(super) fn nothing_beyond_an_arena_is_touched(transport: &AnyTransport) {
    let (next, _) = neighbours(transport);
    let arena = transport.arena_len(next);
    let mut bytes = vec![0xEE; 64];
    let to = bytes.as_mut_ptr();
    for (at, len) in [(arena as u64, 1), (arena as u64 - 32, 33), (u64::MAX, 64), (0, usize::MAX)] {
        let error = TransportError::OutOfArena { rank: next, at, len, arena };
        // SAFETY: nothing is copied, as the results say.
        unsafe {
            assert_eq!(transport.get(to, next, at, len), Err(error));
            assert_eq!(transport.put(next, at, to, len), Err(error));
        }
    }
    let (rank, ranks) = (transport.ranks(), transport.ranks());
    let error = Err(TransportError::NoSuchRank { rank, ranks });
    // SAFETY: as above.
    unsafe {
        assert_eq!(transport.get(to, rank, 0, 1), error);
        assert_eq!(transport.put(rank, 0, to, 1), error);
    }
    assert_eq!(transport.flush(rank), error);
    transport.flush(next).unwrap();
    assert_eq!(bytes, [0xEE; 64]);
    // What ends where the arena ends is in it.
    get(transport, next, arena as u64 - 32, 32);
    transport.barrier().unwrap();
}

pub(super) fn ranks_gather_what_each_has(transport: &AnyTransport) {
    for round in 0..20_u32 {
        let mine = (transport.rank() * 1000 + round).to_ne_bytes();
        let expected: Vec<u8> =
            (0..transport.ranks()).flat_map(|rank| (rank * 1000 + round).to_ne_bytes()).collect();
        assert_eq!(gather(transport, &mine), expected);
    }
    assert!(transport.all_gather(&[1, 2], &mut [0]).is_err());
    transport.barrier().unwrap();
}

pub(super) fn threads_of_a_rank_copy_at_once(transport: &AnyTransport) {
    let (next, _) = neighbours(transport);
    std::thread::scope(|threads| {
        for thread in 0..3_usize {
            threads.spawn(move || {
                let at = (thread << 16) as u64;
                for round in 0..20 {
                    let sent: Vec<u8> = (0..5000).map(|at| byte(at + thread, round)).collect();
                    put(transport, next, at, &sent);
                    assert_eq!(get(transport, next, at, sent.len()), sent);
                }
            });
        }
    });
    transport.barrier().unwrap();
}

pub(super) fn two_transports_stay_apart(transport: &AnyTransport) {
    // Loops know only those that they were made with.
    let Ok(other) = open_kind(transport.kind(), 1 << 16) else {
        panic!("a second one cannot be had");
    };
    let (next, before) = neighbours(&other);
    put(&other, next, 0, &[1, 2, 3]);
    other.barrier().unwrap();
    assert_eq!(get(&other, before, 0, 3), [1, 2, 3]);
    assert_ne!(get(transport, transport.rank(), 8, 3), [1, 2, 3]);
    other.barrier().unwrap();
    transport.barrier().unwrap();
}
