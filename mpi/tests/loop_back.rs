//! The scenarios on threads of one process.

mod scenarios;

use std::sync::Arc;
use std::thread;

use anymem_mpi::{AnyTransport, LoopBack};

/// Runs a scenario on as many ranks. Whoever panics has left, so the others end, too.
fn run(ranks: u32, scenario: fn(&AnyTransport)) {
    let all = LoopBack::ranks(ranks, scenarios::ARENA).unwrap();
    let failed: Vec<usize> = thread::scope(|threads| {
        let run = |transport: LoopBack| -> thread::ScopedJoinHandle<'_, ()> {
            threads.spawn(move || {
                let transport: AnyTransport = Arc::new(transport);
                scenario(&transport);
            })
        };
        let ranks: Vec<_> = all.into_iter().map(run).collect();
        let ended = ranks.into_iter().map(thread::ScopedJoinHandle::join).enumerate();
        ended.filter_map(|(rank, ended)| ended.is_err().then_some(rank)).collect()
    });
    assert!(failed.is_empty(), "ranks {failed:?} of {ranks} failed");
}

fn run_all(ranks: u32) {
    for (name, scenario) in scenarios::ALL {
        println!("{name} on {ranks}");
        run(ranks, *scenario);
    }
}

#[test]
fn on_one_rank() {
    run_all(1);
}

#[test]
fn on_two_ranks() {
    run_all(2);
}

#[test]
fn on_four_ranks() {
    run_all(4);
}
