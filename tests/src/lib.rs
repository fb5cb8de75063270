//! What the tests share: the model of a heap, random calls, other processes,
//! and what the system shows of this one.

mod elsewhere;
pub mod heap;
pub mod hostile;
#[path = "../../std-adapters/tests/lacking/mod.rs"]
mod lacking;
mod meeting;
mod mounts;
mod ops;
mod peer;
pub mod program;
mod random;
mod shadow;
pub mod sharer;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub mod sweep;
mod system;
mod threads;
#[cfg(target_os = "linux")]
pub mod torture;

pub use elsewhere::{Elsewhere, View, part};
pub use heap::TestHeap;
pub use lacking::skip;
pub use meeting::{Board, Meeting};
pub use mounts::{mount, own_mounts};
pub use ops::{Op, apply, op, ops, run};
pub use peer::{Peer, listen, role, tell};
pub use random::Random;
pub use shadow::ShadowHeap;
pub use system::{Directory, Name, SmallFileSystem, files, is_root, maps, watchdog};
pub use threads::{in_posix_threads, in_threads};
