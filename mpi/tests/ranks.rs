//! The scenarios on processes: `mpirun -n 4` of this program.
//!
//! All kinds of transports that need MPI are run, or the one that `ANYMEM_MPI_TRANSPORT`
//! forces. The last line counts; it is missing if a scenario failed, for then all ranks are
//! ended.

mod scenarios;

use std::panic::{AssertUnwindSafe, catch_unwind};

use anymem_mpi::{AnyTransport, Kind, TransportError, World, open, open_kind};

#[derive(Default)]
struct Counts {
    passed: usize,
    skipped: usize,
}

/// Runs all scenarios on a transport.
fn run_all(world: &World, transport: &AnyTransport, counts: &mut Counts) {
    for (name, scenario) in scenarios::ALL {
        if catch_unwind(AssertUnwindSafe(|| scenario(transport))).is_err() {
            println!("FAILED {name} on rank {} by {}", world.rank(), transport.kind());
            world.abort(1);
        }
        counts.passed += 1;
    }
}

fn run(world: &World, kind: Kind, counts: &mut Counts) {
    match open_kind(kind, scenarios::ARENA) {
        Ok(transport) => {
            assert_eq!(transport.kind(), kind);
            run_all(world, &transport, counts);
        }
        Err(TransportError::Unavailable(_)) => {
            if world.rank() == 0 {
                println!("skipped: {kind} cannot be had from this MPI");
            }
            counts.skipped += scenarios::ALL.len();
        }
        Err(error) => {
            println!("FAILED to open {kind} on rank {}: {error}", world.rank());
            world.abort(1);
        }
    }
}

/// Whether what is chosen by itself, or forced, can be had.
fn choose(world: &World, counts: &mut Counts) -> Kind {
    match open(scenarios::ARENA) {
        Ok(transport) => {
            counts.passed += 1;
            transport.kind()
        }
        Err(error) => {
            println!("FAILED to choose a transport on rank {}: {error}", world.rank());
            world.abort(1);
        }
    }
}

fn main() {
    // Before anything else, and until all is done: MPI ends with it.
    let world = World::start().expect("MPI");
    let mut counts = Counts::default();
    let chosen = choose(&world, &mut counts);
    let forced = std::env::var("ANYMEM_MPI_TRANSPORT").is_ok();
    for kind in [Kind::Shared, Kind::Window, Kind::TwoSided] {
        if !forced || chosen == kind {
            run(&world, kind, &mut counts);
        }
    }
    if world.rank() == 0 {
        let Counts { passed, skipped } = counts;
        println!("ranks: {passed} passed, {skipped} skipped on {}; {chosen} chosen", world.ranks());
    }
}
