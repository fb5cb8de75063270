//! Which transport it is to be.

use std::sync::Arc;

use super::{AnyTransport, Kind, LoopBack, TransportError};
#[cfg(feature = "mpi")]
use super::{Shared, Transport, TwoSided, Window, World};

/// What forces a kind of transport: `loop`, `shared`, `window` or `two-sided`.
const FORCED: &str = "ANYMEM_MPI_TRANSPORT";

/// The best transport that works here, with arenas of `bytes` bytes: [shared](Kind::Shared)
/// if all ranks are on one host, else [windows](Kind::Window), else
/// [two-sided](Kind::TwoSided). Whether it works is tried.
///
/// The environment variable `ANYMEM_MPI_TRANSPORT` forces one: `loop`, `shared`, `window` or
/// `two-sided`. Without the feature `mpi` there is just `loop`, with one rank.
///
/// All ranks have to call it, with the same environment.
///
/// # Errors
///
/// None works, or not the one that is forced.
pub fn open(bytes: usize) -> Result<AnyTransport, TransportError> {
    match std::env::var(FORCED) {
        Ok(name) => open_kind(name.parse()?, bytes),
        Err(_) => probe(bytes),
    }
}

/// The transport of that kind, with arenas of `bytes` bytes.
///
/// All ranks have to call it.
///
/// # Errors
///
/// It does not work here.
pub fn open_kind(kind: Kind, bytes: usize) -> Result<AnyTransport, TransportError> {
    match kind {
        Kind::Loop => Ok(Arc::new(LoopBack::alone(bytes)?)),
        #[cfg(feature = "mpi")]
        kind => open_in(&World::start()?, kind, bytes),
        #[cfg(not(feature = "mpi"))]
        kind => Err(TransportError::Unavailable(kind)),
    }
}

#[cfg(not(feature = "mpi"))]
fn probe(bytes: usize) -> Result<AnyTransport, TransportError> {
    open_kind(Kind::Loop, bytes)
}

#[cfg(feature = "mpi")]
fn probe(bytes: usize) -> Result<AnyTransport, TransportError> {
    let world = World::start()?;
    let mut last = Err(TransportError::Unavailable(Kind::Shared));
    for kind in [Kind::Shared, Kind::Window, Kind::TwoSided] {
        last = open_in(&world, kind, bytes);
        if last.is_ok() {
            break;
        }
    }
    last
}

/// The transport of that kind, if all ranks can make it and it works.
#[cfg(feature = "mpi")]
fn open_in(world: &Arc<World>, kind: Kind, bytes: usize) -> Result<AnyTransport, TransportError> {
    let made: Result<AnyTransport, _> = match kind {
        Kind::Loop => LoopBack::alone(bytes).map(|made| Arc::new(made) as _),
        Kind::Shared => Shared::new(world, bytes).map(|made| Arc::new(made) as _),
        Kind::Window => Window::new(world, bytes).map(|made| Arc::new(made) as _),
        Kind::TwoSided => TwoSided::new(world, bytes).map(|made| Arc::new(made) as _),
    };
    if !world.agree(made.is_ok()) {
        // Giving it back would wait for those that have none.
        std::mem::forget(made?);
        return Err(TransportError::Unavailable(kind));
    }
    let transport = made?;
    let works = try_out(&*transport);
    if world.agree(works.is_ok()) { Ok(transport) } else { Err(TransportError::Unavailable(kind)) }
}

/// Passes a number to the next rank, while all ranks do.
#[cfg(feature = "mpi")]
fn try_out(transport: &dyn Transport) -> Result<(), TransportError> {
    transport.barrier()?;
    let passed = pass_on(transport);
    // Whoever fails must not leave the others waiting.
    transport.barrier()?;
    let arrived = take_out(transport);
    transport.barrier()?;
    passed.and(arrived)
}

/// Puts this rank's number to the arena of the next rank, and gets it from there.
#[cfg(feature = "mpi")]
fn pass_on(transport: &dyn Transport) -> Result<(), TransportError> {
    let next = (transport.rank() + 1) % transport.ranks();
    let (sent, mut found) = (transport.rank().to_ne_bytes(), [0xff; 4]);
    // SAFETY: the arrays are there until the flushes; nobody uses the arenas yet, and just
    // one rank writes to each.
    unsafe {
        transport.put(next, 0, sent.as_ptr(), sent.len())?;
        transport.flush(next)?;
        transport.get(found.as_mut_ptr(), next, 0, found.len())?;
        transport.flush(next)?;
    }
    is_equal(transport, found, sent)
}

/// Looks whether the processor finds the number of the rank before, and wipes it out.
#[cfg(feature = "mpi")]
fn take_out(transport: &dyn Transport) -> Result<(), TransportError> {
    let before = (transport.rank() + transport.ranks() - 1) % transport.ranks();
    let arena = transport.arena();
    transport.arenas().check(transport.rank(), 0, 4)?;
    // SAFETY: the arena has as many bytes, which no other rank uses until the next barrier.
    let found = unsafe { arena.cast::<[u8; 4]>().replace([0; 4]) };
    is_equal(transport, found, before.to_ne_bytes())
}

#[cfg(feature = "mpi")]
fn is_equal(
    transport: &dyn Transport,
    found: [u8; 4],
    expected: [u8; 4],
) -> Result<(), TransportError> {
    let (rank, code) = (transport.rank(), TransportError::REFUSED);
    if found == expected { Ok(()) } else { Err(TransportError::Failed { rank, code }) }
}
