//! What the tests share: of `tests/src`, what all systems have.
#![cfg(windows)]

#[path = "../../src/heap.rs"]
pub mod heap;
#[path = "../../../std-adapters/tests/lacking/mod.rs"]
mod lacking;
#[path = "../../src/meeting.rs"]
mod meeting;
#[path = "../../src/name.rs"]
mod name;
#[path = "../../src/ops.rs"]
mod ops;
#[path = "../../src/peer.rs"]
mod peer;
#[path = "../../src/random.rs"]
mod random;
#[path = "../../src/shadow.rs"]
mod shadow;
#[path = "../../src/threads.rs"]
mod threads;
#[path = "../../../std-adapters/tests/turn/mod.rs"]
mod turn;
mod watchdog;

pub use lacking::skip;
pub use meeting::{Board, Meeting};
pub use name::Name;
pub use ops::{Op, apply, op, ops, run};
pub use peer::{Peer, listen, role, tell};
pub use random::Random;
pub use shadow::ShadowHeap;
pub use threads::in_threads;
pub use turn::turn;
pub use watchdog::watchdog;
